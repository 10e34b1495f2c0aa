"""The stages over a whole dataset: a task a video or shard, progress while it works, a result.

Every function returns the command's machine-readable result. A task that fails is named in it
under ``failed`` and never stops the others; what stands already is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.instructions.actor_work import run_blocks
from labeling.instructions.table import merge_table, read_jsonl
from labeling.instructions.work import InstructionTask, label_instructions
from labeling.regions.regions import RegionTask, label_regions
from labeling.settings import LabelingConfig
from labeling.shards.build import build_shards, known_entries
from labeling.work import Layout, do_all, open_stage


def run_regions(root: Path, config: LabelingConfig, address: str | None = None) -> dict[str, Any]:
    """Region masks for all videos of a dataset."""
    dataset = open_stage(root, "regions", config)
    videos = dataset.video_ids()
    tasks = [RegionTask(root.absolute(), video_id, config.regions) for video_id in videos]
    results, failed = do_all(
        "regions", label_regions, tasks, Layout(config.run, address), _video_of,
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
    """Instructions for all videos of a dataset, and the table of them."""
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
    results, failed = do_all(
        "instructions", label_instructions, tasks, Layout(config.run, address), _video_of,
        lambda r: f"{r['pairs']} pairs, {r['asked']} asked: {_most_common(r['texts'])}",
        run=None if config.instructions.labeler == "rule" else run_blocks,
    )  # fmt: skip
    rows = merge_table(dataset, videos, config.instructions, config.regions)
    return {
        "videos": len(videos),
        "pairs": len(rows),
        "asked": sum(result["asked"] for result in results),
        "texts": dict(Counter(row.text for row in rows).most_common()),
        "mean_confidence": sum(row.confidence for row in rows) / max(1, len(rows)),
        "failed": failed,
    }


def run_shards(root: Path, config: LabelingConfig, address: str | None = None) -> dict[str, Any]:
    """Training shards of a dataset; only those that would change are written.

    Raises:
        UserError: a label is missing; says which command makes it. No shard is touched then.
    """
    dataset = open_stage(root, "shards", config)
    return build_shards(dataset, config.regions, config.shards, Layout(config.run, address))


def describe_plan(root: Path, stage: str, config: LabelingConfig) -> str:
    """What a stage would do, for ``--dry-run``: resolved config and numbers."""
    dataset = Dataset.existing(root)
    videos = dataset.video_ids()
    done = {
        "regions": sum(dataset.regions_tar(v).is_file() for v in videos),
        "instructions": sum(bool(read_jsonl(dataset.instructions_jsonl(v))) for v in videos),
        "shards": len(known_entries(dataset)),
    }[stage]
    unit = "shards" if stage == "shards" else "videos"
    return (
        f"{to_yaml(config, 'labeling')}\n"
        f"plan: {stage} of {len(videos)} videos in {root}; {done} {unit} have output already, "
        "which is kept where it still fits"
    )


def _video_of(task: RegionTask | InstructionTask) -> str:
    return task.video_id


def _most_common(texts: Iterable[str]) -> str:
    return ", ".join(f"{text or '(nothing)'} {n}" for text, n in Counter(texts).most_common(4))
