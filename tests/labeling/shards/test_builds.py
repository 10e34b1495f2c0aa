"""Builds of shards are compared wherever people keep them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.conventions.errors import UserError
from ingest.execution.tasks import Finished
from ingest.format.dataset import Dataset
from labeling import pipeline, stage_tasks
from labeling.corrections.corrections import Correction, append_corrections, locked_log
from labeling.instructions.table import read_table
from labeling.settings import LabelingConfig
from labeling.shards.builds import diff_builds


@pytest.fixture
def dataset(labeled_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch) -> Dataset:
    def run(function: Callable[[Any], Any], items: list[Any], *_: Any) -> Any:
        return (Finished(item, function(item)) for item in items)

    monkeypatch.setattr(stage_tasks, "run_tasks", run)
    dataset = labeled_dataset(2, 1)
    pipeline.run_shards(dataset.root, LabelingConfig())
    return dataset


def test_a_copy_of_the_shards_is_compared_whatever_its_name(
    dataset: Dataset, tmp_path: Path
) -> None:
    copy = tmp_path / "shards of monday"
    shutil.copytree(dataset.shards, copy)
    label = next(iter(read_table(dataset).values()))
    with locked_log(dataset):
        append_corrections(
            dataset,
            [Correction(label.pair_id, label.content_hash, "reject", "", "Ann", "", label.text)],
        )
    pipeline.run_shards(dataset.root, LabelingConfig())
    for given in (copy, copy / "index.json"):
        (change,) = diff_builds(given, dataset.root)
        assert (change.kind, change.key) == ("removed", label.pair_id)
        assert change.why == "rejected by human:Ann"
    assert diff_builds(dataset.shards, dataset.root) == []
    (copy / "samples.parquet").unlink()
    assert len(diff_builds(copy, dataset.root)) == 1, "the table is read from the tars"


def test_what_is_no_build_says_what_to_do(dataset: Dataset, tmp_path: Path) -> None:
    bare, unbuilt = tmp_path / "bare", Dataset(tmp_path / "unbuilt")
    bare.mkdir()
    unbuilt.keyframes.mkdir(parents=True)
    for path in dataset.shards.glob("*.tar"):
        shutil.copy(path, bare)
    for given, advice in (
        (bare, "copy index.json and samples.parquet"),
        (unbuilt.root, f"python -m labeling shards {unbuilt.root}"),
        (tmp_path / "nowhere", "give a dataset, or a folder of shards"),
    ):
        with pytest.raises(UserError, match=f"holds no shards.*{advice}"):
            diff_builds(given, dataset.root)
