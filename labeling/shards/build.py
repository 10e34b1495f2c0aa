"""Builds the training shards of a dataset: plans them, writes those that changed, and indexes all.

Written in this order: shards, list of changes, table of samples, index. The index is written last
and names all valid files. After a killed run some shards may differ from the index; the next run
gives the same bytes as an undisturbed one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.config import config_hash
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import sha256
from labeling.corrections.corrections import Correction, effective_corrections, read_corrections
from labeling.instructions.table import Instruction, read_table
from labeling.regions.regions import RegionsConfig
from labeling.shards.diff import Change, as_json, compare_builds, summary
from labeling.shards.index import (
    SamplesEntry,
    ShardEntry,
    ShardIndex,
    read_index,
    read_samples,
    stale_shards,
)
from labeling.shards.plan import (
    PlannedPair,
    PlannedShard,
    PlanTask,
    ShardsConfig,
    assign_shards,
    plan_video,
)
from labeling.shards.sample_table import SAMPLES_FILE, SampleRow, encode_rows, rows_of_tar
from labeling.shards.write import BuiltShard, ShardTask, ensure_shard, rename_shards
from labeling.stage_tasks import Execution, Failure, run_all

CHANGES_FILE = "changes.json"
"""File in the folder of shards that lists how the last build changed the samples."""


@dataclass(frozen=True)
class Plan:
    """Everything that determines the shards."""

    videos: list[list[PlannedPair]]
    """The pairs of each video."""
    shards: list[PlannedShard]
    config_hash: str
    stale_corrections: int
    """Corrections in force whose images no longer exist."""
    failed: list[Failure]
    """Videos that cannot be planned, such as damaged ones; they are left out."""


def build_shards(
    dataset: Dataset, regions: RegionsConfig, config: ShardsConfig, execution: Execution
) -> dict[str, Any]:
    """Build the training shards of a dataset; shards that are up to date are not written.

    A video that cannot be read or lacks a label is left out and listed under ``failed``.

    Returns:
        The result of the command: counts, and names of the shards written, renamed and removed.

    Raises:
        UserError: no video can go into shards; names the command that makes the first missing
            label. No shard is written then.
    """
    plan = _plan_shards(dataset, regions, config, execution)
    before = _last_samples(dataset)
    built, renamed, failed = _build(dataset, plan.shards, execution)
    if failed:
        return {"failed": failed}
    rows = _sample_rows(dataset, built, before, renamed)
    changes = _write_samples(dataset, plan, rows, before)
    entries = [shard.entry for shard in built]
    index = _make_index(dataset, plan, entries, len(rows))
    # Shards that the index does not name are deleted after it is written, so that no reader finds a
    # listed shard missing.
    write_json(dataset.index_json, index.model_dump(mode="json"))
    removed = stale_shards(dataset, {entry.name for entry in entries})
    for path in removed:
        path.unlink()
    return {
        "samples": len(rows),
        "shards": len(entries),
        "written": sorted(shard.entry.name for shard in built if shard.rows is not None),
        "renamed": sorted(renamed),
        "removed": [path.name for path in removed],
        "changed_samples": len(changes),
        "left_out": index.left_out,
        "corrected": index.corrected,
        "stale_corrections": index.stale_corrections,
        "failed": plan.failed,
    }


def known_entries(dataset: Dataset) -> dict[str, ShardEntry]:
    """Shards of the last finished build, by name; empty without a readable index."""
    try:
        return {entry.name: entry for entry in read_index(dataset).shards}
    except UserError:
        return {}  # everything is built again


def _build(
    dataset: Dataset, plans: Sequence[PlannedShard], execution: Execution
) -> tuple[list[BuiltShard], dict[str, str], list[Failure]]:
    """Build the planned shards that are not up to date, and rename those with a new number.

    Returns:
        All planned shards, old names by new names, and failures.
    """
    known = known_entries(dataset)
    renamed = rename_shards(dataset, plans, known.values())
    known |= {new: known[old].model_copy(update={"name": new}) for new, old in renamed.items()}
    built, failed = run_all(
        "shards", ensure_shard, [ShardTask(p, known.get(p.name)) for p in plans], execution,
        lambda task: task.plan.name,
        lambda shard: f"{shard.entry.num_samples} samples, {shard.entry.num_bytes / 1e6:.1f} MB"
        + (", stands already" if shard.rows is None else ""),
    )  # fmt: skip
    return built, renamed, failed


def _sample_rows(
    dataset: Dataset,
    built: Sequence[BuiltShard],
    before: Sequence[SampleRow] | None,
    renamed: Mapping[str, str],
) -> list[SampleRow]:
    """The sample rows of all shards.

    Rows of a shard that was not built now come from the last table, or else from its tar.

    Args:
        before: rows of the last build.
        renamed: old names of shards by new names.
    """
    old: dict[str, list[SampleRow]] = defaultdict(list)
    for row in before or ():
        old[row.shard].append(row)
    rows: list[SampleRow] = []
    for shard in built:
        name = shard.entry.name
        if shard.rows is not None:
            rows += shard.rows
            continue
        kept = [row._replace(shard=name) for row in old[renamed.get(name, name)]]
        is_complete = len(kept) == shard.entry.num_samples
        rows += kept if is_complete else rows_of_tar(dataset.shards / name)
    return rows


def _write_samples(
    dataset: Dataset, plan: Plan, rows: Sequence[SampleRow], before: Sequence[SampleRow] | None
) -> list[Change]:
    """Write the table of samples and the list of changes, and print a summary of the changes.

    Args:
        before: rows of the last build; None if there is none to compare with.
    """
    changes: list[Change] = []
    if before is not None:
        changes = compare_builds(before, rows, _exclusion_reasons(plan))
        console = Console(highlight=False, soft_wrap=True)
        for line in summary(changes):
            console.print(f"shards: {escape(line)}")
    if changes or not (dataset.shards / CHANGES_FILE).is_file():
        write_json(dataset.shards / CHANGES_FILE, as_json(changes))
    data = encode_rows(rows)
    path = dataset.shards / SAMPLES_FILE
    if not path.is_file() or path.read_bytes() != data:
        write_bytes(path, data)
    return changes


def _exclusion_reasons(plan: Plan) -> dict[str, str]:
    """Why pairs are in no shard, by pair id."""
    reasons = {}
    for pair in (pair for video in plan.videos for pair in video if not pair.is_kept):
        labeler = pair.provenance.labeler
        reasons[pair.pair_id] = (
            "the beginning of its painting is missing from the video"
            if pair.exclusion == "half_done"
            else f"{pair.exclusion} by {labeler}"
        )
    return reasons


def _last_samples(dataset: Dataset) -> list[SampleRow] | None:
    """The samples of the last finished build; None if there is none or it cannot be read."""
    try:
        index = read_index(dataset)
    except UserError:
        return None
    try:
        return read_samples(dataset.shards, index)
    except UserError:
        return None  # the table is of a later build, which was killed before it wrote the index


def _make_index(
    dataset: Dataset, plan: Plan, entries: list[ShardEntry], num_samples: int
) -> ShardIndex:
    """The index of a build whose table of samples is written."""
    pairs = [pair for video in plan.videos for pair in video]
    kept = [pair for pair in pairs if pair.is_kept]
    table = (dataset.shards / SAMPLES_FILE).read_bytes()
    return ShardIndex(
        config_hash=plan.config_hash,
        num_pairs=len(pairs),
        left_out={
            reason: sum(pair.exclusion == reason for pair in pairs)
            for reason in ("rejected", "half_done", "unsure", "unnamed")
        },
        corrected=sum(pair.provenance.labeler.startswith("human:") for pair in kept),
        stale_corrections=plan.stale_corrections,
        shards=tuple(entries),
        samples=SamplesEntry(
            name=SAMPLES_FILE, num_samples=num_samples, num_bytes=len(table), sha256=sha256(table)
        ),
    )


def _plan_shards(
    dataset: Dataset, regions: RegionsConfig, config: ShardsConfig, execution: Execution
) -> Plan:
    """Plan the pairs of all videos and assign them to shards. Raises UserError."""
    table, corrections = read_table(dataset), effective_corrections(read_corrections(dataset))
    shards_config_hash = config_hash(regions, config)
    labels: dict[str, dict[str, Instruction]] = defaultdict(dict)
    decided: dict[str, dict[tuple[str, str], Correction]] = defaultdict(dict)
    for label in table.values():
        labels[label.video_id][label.pair_id] = label
    for key, correction in corrections.items():
        if key[0] in table:
            decided[table[key[0]].video_id][key] = correction
    root = dataset.root.absolute()
    tasks = [
        PlanTask(root, video, labels[video], decided[video], regions, shards_config_hash, config)
        for video in dataset.video_ids()
    ]
    videos, failed = run_all(
        "plan", plan_video, tasks, execution, lambda task: task.video_id,
        lambda pairs: f"{len(pairs)} pairs",
    )  # fmt: skip
    if failed and not videos:
        first = failed[0]
        raise UserError(
            f"{len(failed)} of {len(tasks)} videos cannot go into shards; {first['item']}: "
            f"{first['detail']}"
        )
    shards = assign_shards(root, videos, config)
    if not shards:
        raise UserError(
            f"{dataset.root} has no pair to train on ({len(videos)} videos): ingest more videos, "
            f"or look at `python -m ingest report {dataset.root}` for why they were refused"
        )
    used = {(pair.pair_id, pair.content_hash) for video in videos for pair in video}
    return Plan(videos, shards, shards_config_hash, len(set(corrections) - used), failed)
