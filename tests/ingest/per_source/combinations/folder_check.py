"""Ingests the keyframe folder of a combination and compares its keyframes with its pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingest.ledger.outcome import StoredKeyframe, VideoOutcome
from ingest.settings import IngestConfig
from tests.ingest.per_source.combinations.findings import (
    Distance,
    Finding,
    differences,
    ingested,
    refused,
)
from tests.ingest.per_source.combinations.looks import CANVAS_SIZE
from tests.ingest.per_source.combinations.names import STEMS, expected_reason
from tests.ingest.per_source.combinations.picture_combinations import (
    FolderCombination,
    PictureCombination,
)
from tests.ingest.per_source.combinations.picture_writing import (
    picture_times_s,
    shown_picture,
    write_folder,
)

CONFIG = IngestConfig.model_validate(
    {"keyframes": {"side_px": CANVAS_SIZE[1], "format": "png"}, "occlusion": {"side_px": 64}}
)
DISTANCES = {
    "all": Distance(0.5, 0.5),
    "lossy": Distance(2.5, 2.5),
    "palette": Distance(3.0, 3.0),
    "ink": Distance(1.0, 3.0),
    "scaled": Distance(1.5, 1.0),
    "veil": Distance(1.0, 1.0),
}


def allowed_distance(folder: FolderCombination, picture: PictureCombination) -> Distance:
    """How far a keyframe may lie from what a reader shows: the sum of all that applies."""
    applies = {
        "all": True,
        "lossy": picture.format.is_lossy,
        "palette": picture.format.mode in ("P", "PA"),
        "ink": picture.format.mode in ("CMYK", "LAB"),
        "scaled": folder.scale != 1,
        "veil": picture.alpha == "veil",
    }
    parts = [DISTANCES[name] for name, does_apply in applies.items() if does_apply]
    return Distance(sum(part.mean for part in parts), sum(part.bias for part in parts))


def check_folder(folder: FolderCombination) -> Finding:
    """The verdict on a folder of keyframes."""
    kinds = {key: ", ".join(sorted(set(values))) for key, values in folder.kinds.items()}
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / STEMS[folder.stem]
        given = write_folder(folder, path)
        outcome, keyframes = ingested(given, CONFIG, Path(place) / "dataset")
    problems = refused(outcome, expected_reason(folder.stem))
    if problems is not None:
        reason = "" if problems else outcome.reason
        return Finding(folder.index, kinds, reason, problems=problems)
    assert isinstance(outcome, VideoOutcome), "it is kept"
    if len(keyframes) != len(folder.pictures):
        number = f"{len(keyframes)} keyframes of {len(folder.pictures)} pictures"
        return Finding(folder.index, kinds, problems=[number])
    means, biases, problems = list[float](), list[float](), _wrong_times(folder, keyframes)
    for number, (picture, keyframe) in enumerate(zip(folder.pictures, keyframes, strict=True)):
        truth = shown_picture(folder, number)[:: folder.scale, :: folder.scale]
        mean, bias, found = differences(
            [keyframe.image()], [truth], allowed_distance(folder, picture)
        )
        means.append(mean)
        biases.append(bias)
        problems += [f"{picture}: {problem}" for problem in found]
    return Finding(folder.index, kinds, "", max(means), max(biases), problems)


def _wrong_times(folder: FolderCombination, keyframes: list[StoredKeyframe]) -> list[str]:
    found = [stored.keyframe.time_s for stored in keyframes]
    expected = picture_times_s(folder)
    return [] if found == expected else [f"times {found}, not {expected}"]
