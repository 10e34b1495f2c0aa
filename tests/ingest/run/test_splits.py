"""Near-duplicate videos: detected after crops, scaling and compression, and kept in one split."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ingest.format.dataset import Dataset
from ingest.format.images import decode_image, encode_image
from ingest.ledger.fingerprint import MAX_DISTANCE, fingerprint_of, hash_bits, same_colours
from ingest.ledger.outcome import VideoOutcome, read_outcome
from ingest.ledger.outcome_table import OutcomeTable
from ingest.ledger.source_files import write_outcome
from ingest.run.conclusion import conclude
from ingest.run.hash_search import close_pairs
from ingest.run.splits import Decision, decide
from ingest.settings import IngestConfig
from ingest.sources.discover import DiscoverConfig, split_of


def picture(seed: int) -> np.ndarray:
    """A synthetic painting: soft spots of colour, RGB uint8 (300, 400, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (7, 9, 3)).astype(np.float32)
    soft = cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC)
    return np.clip(soft + rng.normal(0, 8, soft.shape), 0, 255).astype(np.uint8)


def uploaded_again(image: np.ndarray, seed: int) -> np.ndarray:
    """A copy with up to 3 % cropped on each side, another size, other light, and compressed."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    left, right, top, bottom = (rng.uniform(0, 0.03, 4) * [width, width, height, height]).astype(
        int
    )
    image = image[top : height - bottom, left : width - right]
    image = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    light = (image / 255.0) ** rng.uniform(0.9, 1.1) * rng.uniform(0.94, 1.06, 3)
    return decode_image(encode_image(np.clip(255 * light, 0, 255).astype(np.uint8), "jpg", 45))


def distance(first: str, second: str) -> int:
    return (hash_bits(first) ^ hash_bits(second)).bit_count()


def test_fingerprints_match_after_another_upload_and_differ_between_paintings() -> None:
    fingerprints = [fingerprint_of(picture(seed)) for seed in range(30)]
    again = [fingerprint_of(uploaded_again(picture(seed), seed)) for seed in range(30)]
    for i, first in enumerate(fingerprints):
        for j, second in enumerate(again):
            same = distance(first, second) <= MAX_DISTANCE and same_colours(first, second)
            assert same == (i == j)


def test_a_grey_copy_does_not_match_and_a_uniform_picture_has_no_fingerprint() -> None:
    image = picture(1)
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert distance(fingerprint_of(image), fingerprint_of(grey)) <= MAX_DISTANCE
    assert not same_colours(fingerprint_of(image), fingerprint_of(grey))
    assert fingerprint_of(np.full((50, 60, 3), 240, np.uint8)) == ""


def test_near_hashes_are_found_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 1 << 64, 6000, dtype=np.uint64, endpoint=False)
    truth = set()
    for i in range(0, 400, 2):
        flips = rng.choice(64, rng.integers(0, 9), replace=False)
        mask = sum(1 << int(bit) for bit in flips)
        hashes[i + 1] = hashes[i] ^ np.uint64(mask)
        truth.add((i, i + 1))
    exact = set(close_pairs(hashes))
    assert truth <= exact
    assert all(i < j for i, j in exact)
    monkeypatch.setattr("ingest.run.hash_search.MAX_EXACT", 100)
    hashed = set(close_pairs(hashes))
    assert hashed <= exact
    assert len(truth & hashed) >= 0.95 * len(truth)
    assert hashed == set(close_pairs(hashes)), "the same in every run"


@pytest.fixture
def dataset_of(tmp_path: Path) -> Callable[..., Dataset]:
    """A dataset of outcomes: ``name: (fingerprint, other fields)``."""

    def make(**videos: tuple[str, dict[str, Any]]) -> Dataset:
        dataset = Dataset(tmp_path / "d")
        for number, (name, (fingerprint, fields)) in enumerate(videos.items()):
            video_id = f"{number:016x}"
            known: dict[str, Any] = {"painting_id": name, "status": "kept", "uri": f"{name}.mp4"}
            outcome = VideoOutcome(video_id=video_id, look=fingerprint, **{**known, **fields})
            write_outcome(dataset, outcome)
        return dataset

    return make


def decisions_of(dataset: Dataset, config: DiscoverConfig) -> tuple[dict[str, Decision], list[str]]:
    with contextlib.closing(OutcomeTable(dataset)) as table:
        decisions, warnings = decide(table, config)
    return {f"{int(video_id, 16)}": d for video_id, d in decisions.items()}, warnings


PAINTING = fingerprint_of(picture(7))
SAME_PAINTING = fingerprint_of(uploaded_again(picture(7), 1))
OTHER_PAINTING = fingerprint_of(picture(8))


def test_near_duplicates_and_all_videos_of_their_paintings_share_a_split(dataset_of) -> None:
    # The hash of the ids alone would put them into both splits.
    config = DiscoverConfig(val_fraction=0.5)
    names = [f"p{n}" for n in range(40)]
    a = next(n for n in names if split_of(n, config) == "val")
    b = next(n for n in names if split_of(n, config) == "train")
    dataset = dataset_of(
        one=(PAINTING, {"painting_id": b}), two=(SAME_PAINTING, {"painting_id": a}),
        three=(OTHER_PAINTING, {"painting_id": b}),
        four=(fingerprint_of(picture(9)), {"painting_id": "alone"}),
        five=(PAINTING, {"painting_id": "refused", "status": "refused"}),
    )  # fmt: skip
    decisions, warnings = decisions_of(dataset, config)
    assert sorted(decisions) == ["0", "1", "2"]
    split = split_of(min(a, b), config)
    assert {decision.split for decision in decisions.values()} == {split}
    assert [decisions[n].near_duplicate_of for n in "012"] == ["", f"{0:016x}", ""]
    assert warnings == []


def test_the_manifest_wins_and_conflicting_splits_give_a_warning(dataset_of) -> None:
    config = DiscoverConfig(val_fraction=0.0)
    dataset = dataset_of(a=(PAINTING, {}), b=(SAME_PAINTING, {"given_split": "val"}))
    decisions, warnings = decisions_of(dataset, config)
    assert {d.split for d in decisions.values()} == {"val"}
    assert warnings == []
    dataset = dataset_of(
        a=(PAINTING, {"given_split": "train"}), b=(SAME_PAINTING, {"given_split": "val"})
    )
    decisions, (warning,) = decisions_of(dataset, config)
    assert {d.split for d in decisions.values()} == {"train"}
    assert "one split in the manifest" in warning
    dataset = dataset_of(
        a=(PAINTING, {"given_split": "train", "painting_id": "p"}),
        b=(OTHER_PAINTING, {"given_split": "val", "painting_id": "p"}),
    )
    decisions, (warning,) = decisions_of(dataset, config)
    assert {d.split for d in decisions.values()} == {"train"}


def test_the_end_of_a_run_writes_decisions_and_revises_them(dataset_of) -> None:
    config = IngestConfig(discover=DiscoverConfig(val_fraction=0.0))
    dataset = dataset_of(a=(PAINTING, {}), b=(SAME_PAINTING, {"given_split": "val"}))
    conclude_without_report(dataset, config)
    first, second = (read_outcome(dataset, f"{n:016x}") for n in range(2))
    assert (first.split, first.near_duplicate_of) == ("val", "")
    assert (second.split, second.near_duplicate_of) == ("val", first.video_id)
    table = dataset.videos_parquet.read_bytes()
    conclude_without_report(dataset, config)
    assert dataset.videos_parquet.read_bytes() == table
    write_outcome(dataset, second.model_copy(update={"look": OTHER_PAINTING}))
    conclude_without_report(dataset, config)
    assert read_outcome(dataset, first.video_id).split == "train"
    assert read_outcome(dataset, second.video_id).near_duplicate_of == ""


def conclude_without_report(dataset: Dataset, config: IngestConfig) -> None:
    """These outcomes have no keyframes for a report to show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.run.conclusion.write_report", lambda dataset: None)
        conclude(dataset, config)
