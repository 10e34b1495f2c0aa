"""Which pair goes into which training shard, with which label.

The shards are a pure function of (keyframes, labels, corrections, config). Videos are taken in an
order given by their hash and cut into shards of about equal bytes before corrections are looked at:
a corrected or rejected pair changes the shard that holds it and no other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.images import sha256
from ingest.format.schema import Provenance, Record, Split
from ingest.ledger.outcome import VideoOutcome, keyframes_stamp
from labeling.corrections.corrections import Correction
from labeling.corrections.human_masks import RULE_SUFFIX, mask_of, region_in_force
from labeling.instructions.table import Instruction
from labeling.instructions.wording import normalise
from labeling.pairs import Pair, read_pairs
from labeling.regions.regions import RegionsConfig, read_regions, region_of


class ShardsConfig(Config):
    """Training shards."""

    samples_per_shard: int = Field(default=256, ge=1)
    """Most pairs in one shard: about 75 MB at a short side of 512 px; shards of a split have about
    equal bytes. Small shards spread better over workers, large ones read faster."""


class PlannedPair(Record):
    """A pair with everything that decides its sample, but without its images."""

    video_id: str
    split: Split
    pair_id: str
    content_hash: str
    region_sha256: str
    human_mask: str = Field(default="", exclude=True)
    """Hash of the mask that a person painted, empty: the machine's. `region_sha256` is of what
    holds already, so this stays out of the recipe."""
    keyframes_stamp: str = Field(default="", exclude=True)
    """Of the tar with its canvases as it was hashed, see
    `ingest.ledger.outcome.keyframes_stamp`."""
    num_bytes: int
    """Of its three images: what shards are balanced by. Masks do not count, so that a corrected one
    moves no pair to another shard."""
    interval_s: float
    instruction: str
    """Empty where the machine named nothing and nobody corrected it."""
    is_rejected: bool
    provenance: Provenance

    @property
    def is_kept(self) -> bool:
        return bool(self.instruction) and not self.is_rejected


class PlannedShard(Record):
    """A shard to build: its name and all its pairs, kept or not."""

    root: Path
    name: str
    split: Split
    pairs: tuple[PlannedPair, ...]

    @property
    def kept(self) -> list[PlannedPair]:
        return [pair for pair in self.pairs if pair.is_kept]

    @property
    def recipe(self) -> str:
        """Hash of all that decides the bytes: pairs, images, masks, instructions, provenance."""
        head = {"schema_version": SCHEMA_VERSION, "pairs": [p.model_dump() for p in self.kept]}
        return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class PlanTask:
    """One video to plan, with what is known about its pairs; what a Ray task gets."""

    root: Path
    video_id: str
    instructions: dict[str, Instruction]
    """By pair id."""
    corrections: dict[tuple[str, str], Correction]
    """By pair id and content hash, as `labeling.corrections.corrections.in_force`."""
    regions: RegionsConfig
    config_hash: str


def plan_video(task: PlanTask) -> list[PlannedPair]:
    """The pairs of a video with their labels.

    Raises:
        UserError: a label is missing or belongs to other images; names the command that makes it.
    """
    dataset = Dataset(task.root)
    # Before reading: a file that is put there meanwhile is taken for another one.
    stamp = keyframes_stamp(dataset, task.video_id)
    outcome, pairs = read_pairs(dataset, task.video_id)
    regions = read_regions(dataset, task.video_id) if pairs else {}
    planned = []
    for pair in pairs:
        region = region_of(pair, regions, task.regions, dataset)
        label = task.instructions.get(pair.pair_id)
        if label is None or label.content_hash != pair.content_hash:
            problem = "no instruction" if label is None else "an instruction for other images"
            raise UserError(
                f"pair {pair.pair_id} has {problem}: run "
                f"`python -m labeling instructions {dataset.root}`"
            )
        correction = task.corrections.get((pair.pair_id, pair.content_hash))
        region = region_in_force(dataset, task.video_id, region, mask_of(correction))
        provenance = _provenance(outcome, pair, label, correction, task)
        planned.append(
            PlannedPair(
                video_id=task.video_id,
                split=outcome.split,
                pair_id=pair.pair_id,
                content_hash=pair.content_hash,
                region_sha256=sha256(region.mask + region.difference),
                human_mask=mask_of(correction),
                keyframes_stamp=stamp,
                num_bytes=sum(len(c.data) for c in (pair.current, pair.next, pair.target)),
                interval_s=pair.interval_s,
                instruction=normalise(correction.instruction) if correction else label.text,
                is_rejected=correction is not None and correction.verdict == "reject",
                provenance=provenance,
            )
        )
    return planned


def assign_shards(
    root: Path, videos: Iterable[Sequence[PlannedPair]], config: ShardsConfig
) -> list[PlannedShard]:
    """Cut the pairs of all videos into shards; corrections have no say in it.

    Videos lie in the order of a hash of their id, so that neighbours in a shard have nothing to do
    with each other; the pairs of a shard are mixed likewise.

    Raises:
        UserError: a painting is in both splits, so that validation would see what was trained on.
    """
    shards: list[PlannedShard] = []
    ordered = sorted((v for v in videos if v), key=lambda v: _mixed(v[0].video_id))
    _check_splits(ordered)
    for split in ("train", "val"):
        pairs = [pair for video in ordered for pair in video if pair.split == split]
        groups = _balanced(pairs, config.samples_per_shard)
        # A shard without a sample would stop some readers; numbers leave no gap for it.
        filled = [group for group in groups if any(pair.is_kept for pair in group)]
        for number, group in enumerate(filled):
            mixed = sorted(group, key=lambda pair: _mixed(pair.pair_id))
            name = f"{split}-{number:06d}.tar"
            shards.append(PlannedShard(root=root, name=name, split=split, pairs=tuple(mixed)))
    return shards


def _balanced(pairs: Sequence[PlannedPair], most: int) -> list[list[PlannedPair]]:
    """Pairs cut, in their order, into about as few groups as hold `most` pairs each, of like bytes:
    where sizes differ much, a group that is full ends before its share of the bytes is in it."""
    num_groups, total = -(-len(pairs) // most), sum(pair.num_bytes for pair in pairs)
    groups: list[list[PlannedPair]] = []
    seen = 0
    for pair in pairs:
        # The middle of a pair decides, so that none is pushed over a border by its last byte.
        middle = 2 * seen + pair.num_bytes
        begins = not groups or middle >= 2 * total * len(groups) / num_groups
        if begins or len(groups[-1]) == most:
            groups.append([])
        groups[-1].append(pair)
        seen += pair.num_bytes
    return groups


def _check_splits(videos: Iterable[Sequence[PlannedPair]]) -> None:
    splits: dict[str, tuple[str, str]] = {}
    for video in videos:
        painting, split = video[0].provenance.painting_id, video[0].split
        known, other = splits.setdefault(painting, (split, video[0].video_id))
        if known != split:
            raise UserError(
                f"painting {painting!r} is in {known} (video {other}) and in {split} (video "
                f"{video[0].video_id}), expected one split a painting: give both videos the same "
                "split in the manifest and run `python -m ingest` again"
            )


def _provenance(
    outcome: VideoOutcome,
    pair: Pair,
    label: Instruction,
    correction: Correction | None,
    task: PlanTask,
) -> Provenance:
    references: dict[str, Any] = {
        name: getattr(pair, name).reference for name in ("current", "next", "target")
    }
    return Provenance(
        video_id=outcome.video_id,
        painting_id=outcome.painting_id,
        uri=outcome.uri,
        licence=outcome.licence,
        source=outcome.source,
        split=outcome.split,
        corners_px=pair.next.corners_px,
        labeler=f"human:{correction.reviewer}" if correction else label.labeler,
        machine_instruction=label.text,
        confidence=label.confidence,
        region_rule=task.regions.rule + (RULE_SUFFIX if mask_of(correction) else ""),
        ingest_version=outcome.ingest_version,
        config_hash=task.config_hash,
        **references,
    )


def _mixed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
