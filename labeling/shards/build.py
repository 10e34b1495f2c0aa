"""``python -m labeling shards``: plan, build what changed, and write down what is there now.

Order of writing: shards, table of samples, what changed, and last the index, which names all that
counts. A run that is killed leaves an index that some shards no longer fit; the next one makes the
same bytes as an undisturbed one.
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
from labeling.corrections.corrections import Correction, in_force, read_corrections
from labeling.instructions.table import Instruction, read_table
from labeling.regions.regions import RegionsConfig
from labeling.shards.diff import Change, as_json, compare, summary
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
from labeling.work import Failure, Layout, do_all

CHANGES_FILE = "changes.json"


@dataclass(frozen=True)
class Plan:
    """Everything that decides the shards."""

    videos: list[list[PlannedPair]]
    shards: list[PlannedShard]
    config_hash: str
    stale_corrections: int


def build_shards(
    dataset: Dataset, regions: RegionsConfig, config: ShardsConfig, layout: Layout
) -> dict[str, Any]:
    """Training shards of a dataset; only those that would change are written.

    Raises:
        UserError: a label is missing; says which command makes it. No shard is touched then.
    """
    plan = _plan(dataset, regions, config, layout)
    before = _last_build(dataset)
    built, renamed, failed = _build(dataset, plan.shards, layout)
    if failed:
        return {"failed": failed}
    rows = _rows(dataset, built, before, renamed)
    changes = _write_samples(dataset, plan, rows, before)
    entries = [shard.entry for shard in built]
    index = _index(dataset, plan, entries, len(rows))
    # The index is the last thing to appear and names every shard that counts; what it does not
    # name goes afterwards, so that no reader finds a listed shard missing.
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
        "failed": failed,
    }


def known_entries(dataset: Dataset) -> dict[str, ShardEntry]:
    """Shards of the last finished build, none if there is no index that can be read."""
    try:
        return {entry.name: entry for entry in read_index(dataset).shards}
    except UserError:
        return {}  # everything is built again, to the same bytes


def _build(
    dataset: Dataset, plans: Sequence[PlannedShard], layout: Layout
) -> tuple[list[BuiltShard], dict[str, str], list[Failure]]:
    """Every planned shard stands afterwards; also new names by old ones, and what failed."""
    known = known_entries(dataset)
    renamed = rename_shards(dataset, plans, known.values())
    known |= {new: known[old].model_copy(update={"name": new}) for new, old in renamed.items()}
    built, failed = do_all(
        "shards", ensure_shard, [ShardTask(p, known.get(p.name)) for p in plans], layout,
        lambda task: task.plan.name,
        lambda shard: f"{shard.entry.num_samples} samples, {shard.entry.num_bytes / 1e6:.1f} MB"
        + (", stands already" if shard.rows is None else ""),
    )  # fmt: skip
    return built, renamed, failed


def _rows(
    dataset: Dataset,
    built: Sequence[BuiltShard],
    before: Sequence[SampleRow] | None,
    renamed: Mapping[str, str],
) -> list[SampleRow]:
    """The rows of all shards; of those that stood from the last table, else from themselves."""
    old: dict[str, list[SampleRow]] = defaultdict(list)
    for row in before or ():
        old[row.shard].append(row)
    rows: list[SampleRow] = []
    for shard in built:
        name = shard.entry.name
        if shard.rows is not None:
            rows += shard.rows
            continue
        stood = [row._replace(shard=name) for row in old[renamed.get(name, name)]]
        is_whole = len(stood) == shard.entry.num_samples
        rows += stood if is_whole else rows_of_tar(dataset.shards / name)
    return rows


def _write_samples(
    dataset: Dataset, plan: Plan, rows: Sequence[SampleRow], before: Sequence[SampleRow] | None
) -> list[Change]:
    """Write the table, and what changed since the last one; tells it, too."""
    changes: list[Change] = []
    if before is not None:
        changes = compare(before, rows, _left_out(plan))
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


def _left_out(plan: Plan) -> dict[str, str]:
    """Why pairs are in no shard, by key."""
    reasons = {}
    for pair in (pair for video in plan.videos for pair in video if not pair.is_kept):
        who = pair.provenance.labeler
        reasons[pair.pair_id] = f"rejected by {who}" if pair.is_rejected else f"unnamed by {who}"
    return reasons


def _last_build(dataset: Dataset) -> list[SampleRow] | None:
    """The samples of the last finished build; None if there is none that can be told."""
    try:
        index = read_index(dataset)
    except UserError:
        return None
    try:
        return read_samples(dataset.shards, index)
    except UserError:
        # A table of a build that was killed after it: the shards of the index may still tell.
        return None


def _index(dataset: Dataset, plan: Plan, entries: list[ShardEntry], num: int) -> ShardIndex:
    pairs = [pair for video in plan.videos for pair in video]
    kept = [pair for pair in pairs if pair.is_kept]
    table = (dataset.shards / SAMPLES_FILE).read_bytes()
    return ShardIndex(
        config_hash=plan.config_hash,
        num_pairs=len(pairs),
        left_out={
            "rejected": sum(pair.is_rejected for pair in pairs),
            "unnamed": sum(not pair.is_rejected and not pair.instruction for pair in pairs),
        },
        corrected=sum(pair.provenance.labeler.startswith("human:") for pair in kept),
        stale_corrections=plan.stale_corrections,
        shards=tuple(entries),
        samples=SamplesEntry(
            name=SAMPLES_FILE, num_samples=num, num_bytes=len(table), sha256=sha256(table)
        ),
    )


def _plan(dataset: Dataset, regions: RegionsConfig, config: ShardsConfig, layout: Layout) -> Plan:
    """Every video's pairs, cut into shards."""
    table, decided = read_table(dataset), in_force(read_corrections(dataset))
    hash_of_config = config_hash(regions, config)
    labels: dict[str, dict[str, Instruction]] = defaultdict(dict)
    said: dict[str, dict[tuple[str, str], Correction]] = defaultdict(dict)
    for label in table.values():
        labels[label.video_id][label.pair_id] = label
    for key, correction in decided.items():
        if key[0] in table:
            said[table[key[0]].video_id][key] = correction
    root = dataset.root.absolute()
    tasks = [
        PlanTask(root, video, labels[video], said[video], regions, hash_of_config)
        for video in dataset.video_ids()
    ]
    videos, failed = do_all(
        "plan", plan_video, tasks, layout, lambda task: task.video_id,
        lambda pairs: f"{len(pairs)} pairs",
    )  # fmt: skip
    if failed:
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
    return Plan(videos, shards, hash_of_config, len(set(decided) - used))
