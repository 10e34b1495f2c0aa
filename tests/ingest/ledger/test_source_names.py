"""A source is found by any name that people see."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import write_outcome
from ingest.ledger.source_names import find_source

FIRST, SECOND, THIRD = "00aa" + "0" * 12, "00ab" + "0" * 12, "1234" + "0" * 12


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dataset = Dataset(tmp_path)
    for video_id, uri, status in (
        (FIRST, f"{tmp_path}/ann/lake one.mp4", "kept"),
        (SECOND, f"{tmp_path}/bob/lake one.mp4", "kept"),
        (THIRD, "s3://bucket/films/sea.webm", "kept"),
        ("missing-1", f"{tmp_path}/gone.mp4", "refused"),
    ):
        write_outcome(
            dataset,
            VideoOutcome(video_id=video_id, uri=uri, painting_id=video_id, status=status),  # pyright: ignore[reportArgumentType]
        )
    return dataset


@pytest.mark.parametrize(
    ("name", "video_id"),
    [
        (FIRST, FIRST),
        ("ann/lake one.mp4", FIRST),
        ("./bob/lake one.mp4", SECOND),
        ("{root}/bob/../ann/lake one.mp4", FIRST),
        ("s3://bucket/films/sea.webm", THIRD),
        ("films/sea.webm", THIRD),
        ("sea.webm", THIRD),
        (" sea ", THIRD),
        ("1234", THIRD),
        ("00AB", SECOND),
        ("gone.mp4", "missing-1"),
    ],
)
def test_names_that_people_see(dataset: Dataset, name: str, video_id: str) -> None:
    assert find_source(dataset, name.format(root=dataset.root)).video_id == video_id


@pytest.mark.parametrize("name", ["lake one.mp4", "lake one"])
def test_candidates_of_an_ambiguous_name_are_listed(dataset: Dataset, name: str) -> None:
    with pytest.raises(UserError, match=f"fits 2 sources.*{FIRST}.*; {SECOND}") as error:
        find_source(dataset, name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "lake", "e.mp4", "12", "/"])
def test_a_name_of_nothing(dataset: Dataset, name: str) -> None:
    with pytest.raises(UserError, match="has no source"):
        find_source(dataset, name)
