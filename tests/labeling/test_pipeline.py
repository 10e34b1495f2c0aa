"""The stages as a user runs them, in this process and on Ray."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import Finished, TaskFailure
from ingest.format.dataset import Dataset
from ingest.format.tar_ranges import find_ranges
from labeling import pipeline, stage_tasks
from labeling.corrections.corrections import Correction, append_corrections
from labeling.instructions.table import read_jsonl, read_table
from labeling.settings import LabelingConfig
from labeling.shards.index import check_shards
from labeling.shards.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]


def config(**shards: Any) -> LabelingConfig:
    sections = {"shards": {"samples_per_shard": 4, **shards}}
    # Toy paintings are of no kind that the labeler knows.
    sections["instructions"] = {"rule": {"unsure_below": 0}}
    return LabelingConfig.model_validate(sections)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run tasks in this process, in reverse order, as may happen on a cluster."""

    def run(
        function: Callable[[Any], Any], items: Sequence[Any], run_config: Any, address: str | None
    ) -> Iterator[Finished[Any, Any]]:
        for item in reversed(list(items)):
            try:
                yield Finished(item, function(item))
            except Exception as error:
                yield Finished(item, TaskFailure("exception", str(error)))

    monkeypatch.setattr(stage_tasks, "run_tasks", run)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labeling", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def shard_bytes(dataset: Dataset) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(dataset.shards.iterdir())}


@pytest.mark.usefixtures("in_process", "colour_distance")
def test_stages_run_in_order(keyframe_dataset: Callable[..., Dataset]) -> None:
    dataset = keyframe_dataset(2, 1)
    with pytest.raises(UserError, match="python -m labeling instructions"):
        pipeline.run_shards(dataset.root, config())
    with pytest.raises(UserError, match="no region masks: run `python -m labeling regions"):
        pipeline.run_instructions(dataset.root, config())
    assert pipeline.run_regions(dataset.root, config())["videos_made"] == 3
    assert pipeline.run_regions(dataset.root, config())["videos_made"] == 0
    assert pipeline.run_instructions(dataset.root, config())["asked"] == 12
    result = pipeline.run_shards(dataset.root, config())
    assert (result["samples"], result["shards"], len(result["written"])) == (12, 3, 3)
    index = json.loads(dataset.index_json.read_text())
    assert sum(entry["num_samples"] for entry in index["shards"]) == 12
    assert dataset.config_yaml("shards").is_file()


@pytest.mark.usefixtures("in_process")
def test_a_damaged_video_does_not_stop_the_others(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 0)
    video = dataset.video_ids()[0]
    dataset.keyframes_tar(video).write_bytes(b"x" * 700)
    for stage in (pipeline.run_regions, pipeline.run_instructions):
        (failure,) = stage(dataset.root, config())["failed"]
        assert failure["item"] == video
        assert f"{video}.tar is damaged" in failure["detail"]


@pytest.mark.usefixtures("in_process")
def test_rebuild_writes_only_what_changed(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 1)
    pipeline.run_shards(dataset.root, config())
    before = shard_bytes(dataset)
    assert pipeline.run_shards(dataset.root, config())["written"] == []
    (dataset.shards / "train-000001.tar").write_bytes(b"bitrot")
    assert pipeline.run_shards(dataset.root, config())["written"] == ["train-000001.tar"]
    assert shard_bytes(dataset) == before
    dataset.index_json.write_text("{")
    assert len(pipeline.run_shards(dataset.root, config())["written"]) == 3
    assert shard_bytes(dataset) == before


@pytest.mark.usefixtures("in_process")
def test_stale_shards_are_removed(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 0)
    pipeline.run_shards(dataset.root, config(samples_per_shard=1))
    result = pipeline.run_shards(dataset.root, config(samples_per_shard=8))
    assert len(result["removed"]) == 7
    assert [p.name for p in sorted(dataset.shards.glob("*.tar"))] == ["train-000000.tar"]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("fault", ["damaged keyframes", "no region masks"])
def test_a_video_that_cannot_be_used_is_left_out_of_the_shards(
    labeled_dataset: Callable[..., Dataset], fault: str
) -> None:
    dataset = labeled_dataset(2, 0)
    whole = pipeline.run_shards(dataset.root, config())["samples"]
    video = dataset.video_ids()[1]
    path = dataset.keyframes_tar(video)
    if fault == "no region masks":
        dataset.regions_tar(video).unlink()
    else:
        path.write_bytes(path.read_bytes()[:5000])
    result = pipeline.run_shards(dataset.root, config())
    assert [failure["item"] for failure in result["failed"]] == [video]
    assert 0 < result["samples"] < whole
    rows = pd.read_parquet(dataset.shards / "samples.parquet")
    assert not rows.key.str.startswith(video).any()


@pytest.mark.usefixtures("in_process")
def test_without_a_usable_video_no_shard_is_touched(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(2, 0)
    pipeline.run_shards(dataset.root, config())
    before = shard_bytes(dataset)
    for video in dataset.video_ids():
        dataset.regions_tar(video).unlink()
    with pytest.raises(UserError, match="2 of 2 videos cannot go into shards"):
        pipeline.run_shards(dataset.root, config())
    assert shard_bytes(dataset) == before


def test_check_without_an_index_names_the_command(keyframe_dataset: Callable[..., Dataset]) -> None:
    done = command("shards", keyframe_dataset(1, 0).root, "--check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "index.json not found: run `python -m labeling shards" in done.stderr


def test_check_reports_every_problem(labeled_dataset: Callable[..., Dataset], in_process) -> None:
    dataset = labeled_dataset(2, 0)
    pipeline.run_shards(dataset.root, config())
    assert command("shards", dataset.root, "--check").returncode == 0
    data = bytearray((dataset.shards / "train-000000.tar").read_bytes())
    data[700] ^= 1
    (dataset.shards / "train-000000.tar").write_bytes(data)
    (dataset.shards / "train-000001.tar").rename(dataset.shards / "val-000007.tar")
    done = command("shards", dataset.root, "--check", "--json", dataset.root / "check.json")
    assert done.returncode == 1
    problems = json.loads((dataset.root / "check.json").read_text())["problems"]
    assert len(problems) == 3
    for line, part in zip(problems, ("hash of index.json", "is missing", "not in"), strict=True):
        assert part in line


@pytest.mark.parametrize("stage", ["regions", "instructions", "shards"])
def test_a_folder_without_dataset_gives_one_line(tmp_path: Path, stage: str) -> None:
    done = command(stage, tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is no dataset" in done.stderr
    assert "Traceback" not in done.stderr


def test_dry_run_prints_config_and_plan(keyframe_dataset: Callable[..., Dataset]) -> None:
    dataset = keyframe_dataset(1, 0)
    done = command("regions", dataset.root, "--dry-run", "--set", "labeling.regions.threshold=0.3")
    assert done.returncode == 0, done.stderr
    assert "threshold: 0.3" in done.stdout
    assert "plan: regions of 1 videos" in done.stdout
    assert not dataset.regions.exists()


def tiny_llava(path: Path) -> Path:
    """A LLaVA folder with random weights."""
    from training.networks.language import LanguageConfig, build_instruction_model

    size = LanguageConfig(
        image_px=32, patch_px=8, vision_width=48, vision_layers=1, text_width=32, text_layers=1,
        head_width=16,
    )  # fmt: skip
    for part in build_instruction_model(size, seed=0):
        part.save_pretrained(path)
    return path


def by_llava(model: Path) -> LabelingConfig:
    llava = {"model": str(model), "device": "cpu"}
    return LabelingConfig.model_validate(
        {"instructions": {"labeler": "llava", "llava": llava, "batch_size": 5}}
    )


@pytest.mark.ray
@pytest.mark.torch
def test_on_ray_with_one_worker_and_two(
    keyframe_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    """All stages with real workers: the bytes do not depend on the number of tasks at once, and the
    actors of a LLaVA are not asked twice."""
    from ingest.execution.ray_tasks import disconnect

    model = tiny_llava(tmp_path / "tiny")
    datasets = [keyframe_dataset(2, 1, name=name) for name in ("one", "two")]
    try:
        for dataset, at_once in zip(datasets, (1, 2), strict=True):
            settings = LabelingConfig.model_validate(
                {"shards": {"samples_per_shard": 5}, "run": {"max_in_flight": at_once}}
            )
            for stage in (pipeline.run_regions, pipeline.run_instructions, pipeline.run_shards):
                assert not stage(dataset.root, settings)["failed"]
        for number in (0, 1):
            result = pipeline.run_instructions(datasets[0].root, by_llava(model))
            assert result["asked"] == (12 if number == 0 else 0)
            assert not result["failed"]
        with pytest.raises(UserError, match=r"did not start: .*cannot load the vision-language"):
            pipeline.run_instructions(datasets[0].root, by_llava(tmp_path / "none"))
    finally:
        disconnect()
    assert shard_bytes(datasets[0]) == shard_bytes(datasets[1])
    answers = read_jsonl(next(datasets[0].instructions.iterdir()))
    assert {row.labeler.partition("@")[0] for row in answers} == {"rule-2", "llava:tiny"}
    assert all((row.mean_log_probability is None) == (row.labeler == "rule-2") for row in answers)
    one, two = ([p.read_bytes() for p in sorted(d.regions.iterdir())] for d in datasets)
    assert one == two


def reject_first_shard(dataset: Dataset) -> list[str]:
    """Reject all pairs of the first shard; returns their ids."""
    table = read_table(dataset)
    keys = [place.key for place in find_ranges(dataset.shards / "train-000000.tar")]
    append_corrections(
        dataset,
        [
            Correction(k, table[k].content_hash, "reject", "", "Ann", "", table[k].text)
            for k in keys
        ],
    )
    return keys


@pytest.mark.usefixtures("in_process")
def test_an_emptied_shard_leaves_no_gap_and_the_following_are_renamed(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(3, 0)
    pipeline.run_shards(dataset.root, config())
    before = shard_bytes(dataset)
    reject_first_shard(dataset)
    result = pipeline.run_shards(dataset.root, config())
    after = shard_bytes(dataset)
    assert result["written"] == []
    assert result["renamed"] == ["train-000000.tar", "train-000001.tar"]
    assert result["removed"] == ["train-000002.tar"]
    for now, then in (
        ("train-000000.tar", "train-000001.tar"),
        ("train-000001.tar", "train-000002.tar"),
    ):
        assert after[now] == before[then]
    assert check_shards(dataset) == []


@pytest.mark.usefixtures("in_process")
def test_diff_lists_moved_and_removed_samples(
    labeled_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = labeled_dataset(3, 0)
    pipeline.run_shards(dataset.root, config())
    shutil.copytree(dataset.shards, tmp_path / "old" / "shards")
    keys = reject_first_shard(dataset)
    pipeline.run_shards(dataset.root, config())
    out = tmp_path / "diff.json"
    done = command("shards", dataset.root, "--diff", tmp_path / "old", "--json", out)
    assert done.returncode == 0, done.stderr
    diff = json.loads(out.read_text())
    assert diff["counts"] == {"moved": 8, "removed": 4}
    assert {s["key"] for s in diff["samples"] if s["kind"] == "removed"} == set(keys)
    assert done.stdout.splitlines()[0] == "8 moved, 4 removed"
    assert f"removed {keys[0]} (train-000000.tar): rejected by human:Ann" in done.stdout
    changes = json.loads((dataset.shards / "changes.json").read_text())
    assert {s["why"] for s in changes["samples"] if s["kind"] == "removed"} == {
        "rejected by human:Ann"
    }


@pytest.fixture
def version_1_0(
    labeled_dataset: Callable[..., Dataset], in_process
) -> tuple[Dataset, dict[str, bytes]]:
    """A dataset whose index has version 1.0, and the files of its shards in the current version."""
    dataset = labeled_dataset(2, 0)
    pipeline.run_shards(dataset.root, config())
    current = shard_bytes(dataset)
    index = json.loads(dataset.index_json.read_text())
    old = {**{k: v for k, v in index.items() if k != "samples"}, "schema_version": "1.0"}
    (dataset.shards / "samples.parquet").unlink()
    dataset.index_json.write_text(json.dumps(old))
    return dataset, current


def test_an_index_of_version_1_0_is_migrated(version_1_0) -> None:
    dataset, current = version_1_0
    assert migrate(dataset) == {"from": "1.0", "to": "1.1", "samples": 8}
    assert shard_bytes(dataset) == current


def test_a_current_index_is_not_migrated(version_1_0) -> None:
    dataset, _ = version_1_0
    migrate(dataset)
    assert migrate(dataset) == {"from": "1.1", "to": "1.1", "samples": 8}


def test_damaged_shards_are_not_migrated(version_1_0) -> None:
    dataset, current = version_1_0
    index = dataset.index_json.read_bytes()
    tar = dataset.shards / "train-000000.tar"
    tar.write_bytes(current[tar.name].replace(b"sky", b"sea"))
    with pytest.raises(UserError, match=r"train-000000\.tar has another hash"):
        migrate(dataset)
    tar.unlink()
    with pytest.raises(UserError, match=r"train-000000\.tar is missing"):
        migrate(dataset)
    assert dataset.index_json.read_bytes() == index, "nothing is written then"


def test_an_index_of_a_later_version_is_not_migrated(version_1_0) -> None:
    dataset, _ = version_1_0
    migrate(dataset)
    index = json.loads(dataset.index_json.read_text())
    dataset.index_json.write_text(json.dumps({**index, "schema_version": "1.9"}))
    with pytest.raises(UserError, match=r"version 1\.9, this code writes 1\.1"):
        migrate(dataset)
