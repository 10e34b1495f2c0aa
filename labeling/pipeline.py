"""The stages over a whole dataset: a task a video or shard, progress while it works, a result.

Every function returns the command's machine-readable result. A task that fails is named in it
under ``failed`` and never stops the others; what stands already is left alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ingest.atomic import remove_stale_temporaries, write_bytes, write_json
from ingest.config import config_hash, to_yaml
from ingest.dataset import Dataset
from ingest.errors import UserError
from labeling.corrections import Correction, in_force, read_corrections
from labeling.instruction_table import (
    Instruction,
    InstructionTask,
    label_instructions,
    merge_table,
    read_jsonl,
    read_table,
)
from labeling.regions import RegionTask, label_regions
from labeling.settings import LabelingConfig
from labeling.shard_plan import PlannedPair, PlannedShard, PlanTask, assign_shards, plan_video
from labeling.shards import (
    ShardEntry,
    ShardIndex,
    build_shard,
    read_index,
    stale_shards,
    stands,
)
from labeling.work import Layout, do_all


def run_regions(root: Path, config: LabelingConfig, address: str | None = None) -> dict[str, Any]:
    """Region masks for all videos of a dataset."""
    dataset = _open(root, "regions", config)
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
    dataset = _open(root, "instructions", config)
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
    dataset = _open(root, "shards", config)
    remove_stale_temporaries(dataset.shards)
    videos, hash_of_config, corrections = _plan(dataset, config, address)
    shards = assign_shards(root.absolute(), videos, config.shards)
    if not shards:
        raise UserError(
            f"{root} has no pair to train on ({len(videos)} videos): ingest more videos, or look "
            f"at `python -m ingest report {root}` for why they were refused"
        )
    known = _known_entries(dataset)
    entries = {
        plan.name: known[plan.name]
        for plan in shards
        if stands(dataset, plan, known.get(plan.name))
    }
    waiting = [plan for plan in shards if plan.name not in entries]
    built, failed = do_all(
        "shards", build_shard, waiting, Layout(config.run, address), lambda plan: plan.name,
        lambda entry: f"{entry.num_samples} samples, {entry.num_bytes / 1e6:.1f} MB",
    )  # fmt: skip
    if failed:
        return {"failed": failed}
    entries.update({entry.name: entry for entry in built})
    index = _index(shards, entries, videos, hash_of_config, corrections)
    # The index is the last thing to appear and names every shard that counts; what it does not
    # name goes afterwards, so that no reader finds a listed shard missing.
    write_json(dataset.index_json, index.model_dump(mode="json"))
    removed = stale_shards(dataset, entries)
    for path in removed:
        path.unlink()
    return {
        "samples": sum(entry.num_samples for entry in index.shards),
        "shards": len(index.shards),
        "written": sorted(plan.name for plan in waiting),
        "removed": [path.name for path in removed],
        "left_out": index.left_out,
        "corrected": index.corrected,
        "stale_corrections": index.stale_corrections,
        "failed": failed,
    }


def describe_plan(root: Path, stage: str, config: LabelingConfig) -> str:
    """What a stage would do, for ``--dry-run``: resolved config and numbers."""
    dataset = Dataset.existing(root)
    videos = dataset.video_ids()
    done = {
        "regions": sum(dataset.regions_tar(v).is_file() for v in videos),
        "instructions": sum(bool(read_jsonl(dataset.instructions_jsonl(v))) for v in videos),
        "shards": len(_known_entries(dataset)),
    }[stage]
    unit = "shards" if stage == "shards" else "videos"
    return (
        f"{to_yaml(config, 'labeling')}\n"
        f"plan: {stage} of {len(videos)} videos in {root}; {done} {unit} have output already, "
        "which is kept where it still fits"
    )


def _plan(
    dataset: Dataset, config: LabelingConfig, address: str | None
) -> tuple[list[list[PlannedPair]], str, int]:
    """Every video's planned pairs, the hash of the config, and the number of stale corrections."""
    table, decided = read_table(dataset), in_force(read_corrections(dataset))
    hash_of_config = config_hash(config.regions, config.shards)
    labels: dict[str, dict[str, Instruction]] = defaultdict(dict)
    said: dict[str, dict[tuple[str, str], Correction]] = defaultdict(dict)
    for label in table.values():
        labels[label.video_id][label.pair_id] = label
    for key, correction in decided.items():
        if key[0] in table:
            said[table[key[0]].video_id][key] = correction
    root = dataset.root.absolute()
    tasks = [
        PlanTask(root, video, labels[video], said[video], config.regions, hash_of_config)
        for video in dataset.video_ids()
    ]
    videos, failed = do_all(
        "plan",
        plan_video,
        tasks,
        Layout(config.run, address),
        _video_of,
        lambda pairs: f"{len(pairs)} pairs",
    )
    if failed:
        first = failed[0]
        raise UserError(
            f"{len(failed)} of {len(tasks)} videos cannot go into shards; {first['item']}: "
            f"{first['detail']}"
        )
    used = {(pair.pair_id, pair.content_hash) for video in videos for pair in video}
    return videos, hash_of_config, len(set(decided) - used)


def _index(
    shards: Sequence[PlannedShard],
    entries: dict[str, ShardEntry],
    videos: Iterable[Sequence[PlannedPair]],
    hash_of_config: str,
    stale_corrections: int,
) -> ShardIndex:
    pairs = [pair for video in videos for pair in video]
    kept = [pair for pair in pairs if pair.is_kept]
    return ShardIndex(
        config_hash=hash_of_config,
        num_pairs=len(pairs),
        left_out={
            "rejected": sum(pair.is_rejected for pair in pairs),
            "unnamed": sum(not pair.is_rejected and not pair.instruction for pair in pairs),
        },
        corrected=sum(pair.provenance.labeler.startswith("human:") for pair in kept),
        stale_corrections=stale_corrections,
        shards=tuple(entries[plan.name] for plan in shards),
    )


def _known_entries(dataset: Dataset) -> dict[str, ShardEntry]:
    """Shards of the last finished build, none if there is no index that can be read."""
    try:
        return {entry.name: entry for entry in read_index(dataset).shards}
    except UserError:
        return {}  # everything is built again, to the same bytes


def _open(root: Path, stage: str, config: LabelingConfig) -> Dataset:
    """The dataset, with the stage's resolved config saved in it."""
    dataset = Dataset.existing(root)
    if not dataset.video_ids():
        raise UserError(
            f"{root} has no video with keyframes: run `python -m ingest` on other videos"
        )
    write_bytes(dataset.config_yaml(stage), to_yaml(config, "labeling").encode())
    return dataset


def _video_of(task: RegionTask | InstructionTask | PlanTask) -> str:
    return task.video_id


def _most_common(texts: Iterable[str]) -> str:
    return ", ".join(f"{text or '(nothing)'} {n}" for text, n in Counter(texts).most_common(4))
