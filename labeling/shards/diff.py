"""Compares the samples of two builds of the shards and says what changed, and why.

The comparison needs only the two tables of samples. ``shards/changes.json`` holds the changes of
the last build.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ingest.format.schema import Record
from labeling.shards.sample_table import SampleRow

Kind = Literal["added", "removed", "changed", "moved"]
"""moved: the same sample in another shard."""


class Change(Record):
    """One sample that differs between two builds."""

    key: str
    kind: Kind
    why: str
    """Reasons joined by ``;``: ``instruction: 'sky' (rule-1) is now 'cloud' (human:Ann)``."""
    shard: str
    """The shard that holds the sample, or held the removed one."""


def compare_builds(
    before: Sequence[SampleRow], after: Sequence[SampleRow], left_out: Mapping[str, str]
) -> list[Change]:
    """The changes from one build to another, in the order of the new one, removed samples last.

    Args:
        left_out: known reasons why pairs are in no shard, by pair id.
    """
    old = {row.key: row for row in before}
    changes = [change for row in after if (change := _change(old.get(row.key), row))]
    kept = {row.key for row in after}
    removed = [row for row in before if row.key not in kept]
    return changes + [
        Change(
            key=row.key,
            kind="removed",
            why=left_out.get(row.key, "its pair is in no shard any more"),
            shard=row.shard,
        )
        for row in removed
    ]


def summary(changes: Sequence[Change], limit: int = 20) -> list[str]:
    """Lines for the console: counts, then the first `limit` samples."""
    if not changes:
        return ["no sample changed"]
    counts = Counter(change.kind for change in changes)
    lines = [", ".join(f"{number} {kind}" for kind, number in counts.items())]
    lines += [f"{c.kind} {c.key} ({c.shard}): {c.why}" for c in changes[:limit]]
    if len(changes) > limit:
        lines.append(f"and {len(changes) - limit} more")
    return lines


def as_json(changes: Sequence[Change]) -> dict[str, Any]:
    """The content of ``changes.json``."""
    return {
        "counts": dict(sorted(Counter(change.kind for change in changes).items())),
        "samples": [change.model_dump() for change in changes],
    }


def _change(before: SampleRow | None, after: SampleRow) -> Change | None:
    """How a sample changed; None if it did not."""
    if before is None:
        return Change(key=after.key, kind="added", why=_labeled(after), shard=after.shard)
    reasons = _reasons(before, after)
    if reasons:
        return Change(key=after.key, kind="changed", why="; ".join(reasons), shard=after.shard)
    if before.shard != after.shard:
        return Change(key=after.key, kind="moved", why=f"was in {before.shard}", shard=after.shard)
    return None


def _reasons(before: SampleRow, after: SampleRow) -> list[str]:
    """In which parts two samples of one key differ, in words."""
    reasons = []
    if before.content_hash != after.content_hash:
        reasons.append("images: its canvases were made again")
    if before.region_sha256 != after.region_sha256:
        reasons.append("masks: other regions")
    if before.instruction != after.instruction:
        reasons.append(f"instruction: {_labeled(before)} is now {_labeled(after)}")
    elif before.labeler != after.labeler:
        reasons.append(f"instruction: {_labeled(before)} is now said by {after.labeler}")
    if before.record_sha256 != after.record_sha256 and not reasons:
        reasons.append("record: interval or provenance")
    return reasons


def _labeled(row: SampleRow) -> str:
    return f"{row.instruction!r} ({row.labeler})"
