"""Makes a labeled dataset of any size that repeats a few paintings under many video ids.

Every video has complete tars. A label is the painted word with a probability equal to its
confidence, otherwise a random word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas

from ingest.conventions.atomic import atomic_file, write_bytes, write_json
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, encode_mask
from ingest.format.schema import Keyframe, encode_keyframe
from ingest.format.tar import write_tar
from ingest.format.vocabulary import VOCABULARY
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome
from labeling.instructions.table import Instruction
from labeling.pairs import Pair, pairs_of
from labeling.regions.record import RegionRecord
from labeling.regions.regions import REGIONS_VERSION, RegionsConfig

STEP_S = 20.0
"""Seconds between two keyframes."""
MIN_CHANGE = 24
"""Difference of a channel above which a pixel is in the mask."""
SECOND_LABELER = "llava:second-opinion"
"""Name of the second labeler, so that the page has labelers to compare."""


@dataclass(frozen=True)
class PaintedVideo:
    """A painting to be stored under many video ids."""

    keyframes: list[StoredKeyframe]
    pairs: list[Pair]
    masks: list[tuple[bytes, bytes, float, float]]
    """For each pair: mask and difference mask as PNG, and their shares of the canvas."""
    words: list[str]
    """The true word of each pair."""


def make_painted_video(
    states: Sequence[np.ndarray], words: Sequence[str], size: tuple[int, int]
) -> PaintedVideo:
    """Turn the states of a painting into the keyframes, pairs and masks of a video.

    Args:
        states: RGB uint8 (H, W, 3); the first is blank.
        words: what is painted between each two states.
        size: height and width of the keyframes.
    """
    height, width = size
    canvases = [cv2.resize(s, (width, height), interpolation=cv2.INTER_AREA) for s in states]
    keyframes = [
        StoredKeyframe(_keyframe("0" * 16, i, len(canvases)), "jpg", encode_image(c, quality=85))
        for i, c in enumerate(canvases)
    ]
    pairs = pairs_of(keyframes, 0.0)
    images = {p.next.reference.keyframe: p.next.image() for p in pairs}
    target, before = images[len(canvases) - 1], pairs[0].current.image()
    masks = []
    for pair in pairs:
        following = images[pair.next.reference.keyframe]
        mask, difference = _changed(before, following), _changed(before, target)
        areas = [round(float(pixels.mean()), 6) for pixels in (mask, difference)]
        masks.append((encode_mask(mask), encode_mask(difference), areas[0], areas[1]))
        before = following
    return PaintedVideo(keyframes, pairs, masks, list(words[: len(pairs)]))


def write_review_dataset(
    root: Path, num_pairs: int, paintings: Sequence[PaintedVideo], seed: int = 0
) -> Dataset:
    """Write keyframes, regions, the labels of two labelers, and the table of instructions.

    Args:
        num_pairs: rows of the table; the last video may have more pairs than the table.
    """
    rng, dataset = np.random.default_rng(seed), Dataset(root)
    rows: list[Instruction] = []
    while len(rows) < num_pairs:
        number = _number(rows[-1].video_id) + 1 if rows else 0
        video, video_id = paintings[number % len(paintings)], f"{number:016x}"
        _write_video(dataset, video_id, video)
        first = [_label(video_id, video, i, "rule-1", rng) for i in range(len(video.pairs))]
        second = [_label(video_id, video, i, SECOND_LABELER, rng) for i in range(len(video.pairs))]
        lines = (row.model_dump_json() + "\n" for row in [*first, *second])
        write_bytes(dataset.instructions_jsonl(video_id), "".join(lines).encode())
        rows += first[: num_pairs - len(rows)]
    table = pandas.DataFrame([row.model_dump() for row in rows])
    with atomic_file(dataset.instructions_parquet) as file:
        table.to_parquet(file, index=False)
    return dataset


def _write_video(dataset: Dataset, video_id: str, video: PaintedVideo) -> None:
    """Write keyframes, regions and outcome of one video."""
    count = len(video.keyframes)
    write_tar(
        dataset.keyframes_tar(video_id),
        (
            (
                f"{video_id}-k{i:04d}",
                encode_keyframe(_keyframe(video_id, i, count), stored.data, stored.format),
            )
            for i, stored in enumerate(video.keyframes)
        ),
    )
    write_tar(
        dataset.regions_tar(video_id),
        (
            _region(video_id, pair, *masks)
            for pair, masks in zip(video.pairs, video.masks, strict=True)
        ),
    )
    outcome = VideoOutcome(
        video_id=video_id, uri=f"painting-{_number(video_id):05d}.mp4", painting_id=video_id,
        licence="CC0-1.0", source="studio", status="kept", span_s=(0.0, STEP_S * count),
        num_keyframes=count,
    )  # fmt: skip
    write_json(dataset.outcome_json(video_id), outcome.model_dump(mode="json"))


def _region(
    video_id: str,
    pair: Pair,
    mask: bytes,
    difference: bytes,
    mask_area: float,
    difference_area: float,
) -> tuple[str, dict[str, bytes]]:
    """Pair id and tar fields of a region."""
    record = RegionRecord(
        pair_id=_pair_id(video_id, pair), content_hash=pair.content_hash,
        rule=RegionsConfig().rule, version=REGIONS_VERSION, mask_area=mask_area,
        difference_area=difference_area, mean_distance=mask_area, mean_difference=difference_area,
    )  # fmt: skip
    head = json.dumps(record.model_dump(mode="json"), sort_keys=True).encode()
    return record.pair_id, {"mask.png": mask, "difference.png": difference, "json": head}


def _label(
    video_id: str, video: PaintedVideo, number: int, labeler: str, rng: np.random.Generator
) -> Instruction:
    """A label with a random confidence that is right with this probability."""
    confidence = float(rng.beta(3, 1.4))
    is_right = rng.random() < confidence
    text = video.words[number] if is_right else str(rng.choice(VOCABULARY))
    return Instruction(
        pair_id=_pair_id(video_id, video.pairs[number]), video_id=video_id,
        content_hash=video.pairs[number].content_hash, raw_text=text, text=text,
        confidence=round(confidence, 6), labeler=labeler,
        prompt="" if labeler == "rule-1" else "annotate-1", region_rule=RegionsConfig().rule,
    )  # fmt: skip


def _keyframe(video_id: str, index: int, count: int) -> Keyframe:
    return Keyframe(
        video_id=video_id, index=index, time_s=STEP_S * index, frame_index=240 * index,
        target=count - 1, is_bare=index == 0,
    )  # fmt: skip


def _pair_id(video_id: str, pair: Pair) -> str:
    """The id of a pair after its video got another id."""
    return video_id + pair.pair_id[len(pair.video_id) :]


def _number(video_id: str) -> int:
    """The number of a video, which its id spells in hex digits."""
    return int(video_id, 16)


def _changed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pixels in which two RGB uint8 images differ, bool (H, W)."""
    return np.abs(first.astype(np.int16) - second).max(axis=2) > MIN_CHANGE
