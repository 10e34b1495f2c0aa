"""Runs a labeling stage over a whole dataset: one Ray task per video or shard, with progress.

Every ``run_`` function returns the command's machine-readable result. A task that fails is listed
there under ``failed`` and does not stop the others. Output that is up to date is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.instructions.actor_labeling import run_on_labeler_actors
from labeling.instructions.batch_labeling import InstructionTask, label_instructions
from labeling.instructions.table import merge_table, read_jsonl
from labeling.regions.regions import RegionTask, label_regions
from labeling.settings import LabelingConfig
from labeling.shards.build import build_shards, known_entries
from labeling.stage_tasks import Execution, open_stage, run_all


def run_regions(root: Path, config: LabelingConfig, address: str | None = None) -> dict[str, Any]:
    """Compute the region masks of all videos of a dataset."""
    dataset = open_stage(root, "regions", config)
    videos = dataset.video_ids()
    tasks = [RegionTask(root.absolute(), video_id, config.regions) for video_id in videos]
    results, failed = run_all(
        "regions", label_regions, tasks, Execution(config.run, address), _video_of,
        lambda r: f"{r['pairs']} pairs, {'made' if r['fresh'] else 'stand already'}, "
        f"{r['area']:.0%} of the canvas a step",
    )  # fmt: skip
    for path in dataset.regions.glob("*.tar"):
        if path.stem not in videos:
            path.unlink()  # its video left the dataset
    return {
        "videos": len(videos),
        "pairs": sum(result["pairs"] for result in results),
        "videos_made": sum(result["fresh"] for result in results),
        "failed": failed,
    }


def run_instructions(
    root: Path, config: LabelingConfig, address: str | None = None
) -> dict[str, Any]:
    """Label all videos of a dataset with instructions and write the table of them.

    Raises:
        UserError: no video has region masks.
    """
    dataset = open_stage(root, "instructions", config)
    videos = dataset.video_ids()
    if not any(dataset.regions_tar(video_id).is_file() for video_id in videos):
        raise UserError(
            f"{root} has no region masks: run `python -m labeling regions {root}` first"
        )
    tasks = [
        InstructionTask(root.absolute(), video_id, config.regions, config.instructions)
        for video_id in videos
    ]
    results, failed = run_all(
        "instructions", label_instructions, tasks, Execution(config.run, address), _video_of,
        lambda r: f"{r['pairs']} pairs, {r['asked']} asked: {_most_common(r['texts'])}",
        runner=None if config.instructions.labeler == "rule" else run_on_labeler_actors,
    )  # fmt: skip
    rows = merge_table(dataset, videos, config.instructions, config.regions)
    return {
        "videos": len(videos),
        "pairs": len(rows),
        "asked": sum(result["asked"] for result in results),
        "texts": dict(Counter(row.text for row in rows if row.text).most_common()),
        "unsure": sum(row.is_unsure for row in rows),
        "unnamed": sum(not row.text and not row.is_unsure for row in rows),
        "mean_confidence": sum(row.confidence for row in rows) / max(1, len(rows)),
        "failed": failed,
    }


def run_shards(root: Path, config: LabelingConfig, address: str | None = None) -> dict[str, Any]:
    """Build the training shards of a dataset; shards that are up to date are not written.

    Raises:
        UserError: no video can go into shards; names the command that makes the first missing
            label. No shard is written then.
    """
    dataset = open_stage(root, "shards", config)
    return build_shards(dataset, config.regions, config.shards, Execution(config.run, address))


def describe_plan(root: Path, stage: str, config: LabelingConfig) -> str:
    """The text of ``--dry-run``: the resolved config, and how many videos or shards are done."""
    dataset = Dataset.existing(root)
    videos = dataset.video_ids()
    num_done = {
        "regions": sum(dataset.regions_tar(v).is_file() for v in videos),
        "instructions": sum(bool(read_jsonl(dataset.instructions_jsonl(v))) for v in videos),
        "shards": len(known_entries(dataset)),
    }[stage]
    unit = "shards" if stage == "shards" else "videos"
    return (
        f"{to_yaml(config, 'labeling')}\n"
        f"plan: {stage} of {len(videos)} videos in {root}; {num_done} {unit} have output already, "
        "which is kept where it still fits"
    )


def _video_of(task: RegionTask | InstructionTask) -> str:
    return task.video_id


def _most_common(texts: Iterable[str]) -> str:
    """The four most frequent instructions with their counts."""
    return ", ".join(f"{text or '(nothing)'} {n}" for text, n in Counter(texts).most_common(4))
