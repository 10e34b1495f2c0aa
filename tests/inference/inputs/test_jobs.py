"""Jobs of a command: pictures, seeds, folders and batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.inputs.jobs import chosen_seeds, in_batches, parse_seeds, plan
from ingest.conventions.errors import UserError


def files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


def test_every_picture_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    pictures = files(tmp_path, "a/hill.png", "a/hill.jpg", "b/hill.png", "b/sea.png")
    folders = [job.folder.name for job in plan(pictures, Path("out"))]
    assert folders == ["hill-png", "hill-jpg", "hill-png-2", "sea"]


def test_every_seed_too_and_names_never_meet(tmp_path: Path) -> None:
    pictures = files(tmp_path, "hill.png", "hill-seed2.png")
    jobs = plan(pictures, Path("out"), [1, 2])
    assert [(job.folder.name, job.seed) for job in jobs] == [
        ("hill-seed1", 1), ("hill-seed2", 2), ("hill-seed2-seed1", 1), ("hill-seed2-seed2", 2),
    ]  # fmt: skip
    assert [job.folder.name for job in plan(pictures[:1], Path("out"), [5])] == ["hill"]


def test_seeds_are_numbers_and_differ() -> None:
    assert parse_seeds("3, 1,2") == [3, 1, 2]
    for wrong in ("", "1,", "a", "1,1", "-1", str(2**63)):
        with pytest.raises(UserError, match="--seeds"):
            parse_seeds(wrong)


def test_variations_count_on_from_the_seed() -> None:
    assert chosen_seeds(None, None, None) == chosen_seeds(5, None, None) == []
    assert chosen_seeds(None, None, 3) == [0, 1, 2]
    assert chosen_seeds(5, None, 2) == [5, 6]
    assert chosen_seeds(None, "7,3", None) == [7, 3]
    for seed, variations, option in ((1, None, "--seed"), (None, 2, "--variations")):
        with pytest.raises(UserError, match=f"{option} and --seeds were both given"):
            chosen_seeds(seed, "1,2", variations)


def test_batches_hold_one_kind_and_lose_nothing() -> None:
    kinds = ["wide", "tall", "wide", "wide", "tall", "wide", "wide"]
    batches = in_batches(list(range(7)), kinds, 3)
    assert batches == [[0, 2, 3], [5, 6], [1, 4]]
