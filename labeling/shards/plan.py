"""Plans the training shards: which pair goes into which shard, with which label.

The plan is a pure function of keyframes, labels, corrections and config. Videos are ordered by a
hash of their id and cut into shards of about equal bytes before corrections are applied, so that a
corrected or rejected pair changes only its own shard.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.images import sha256
from ingest.format.schema import Provenance, Record, Split
from ingest.ledger.outcome import VideoOutcome, keyframes_file_version
from ingest.per_source.doubts import MAX_FINISHED_AT_START
from ingest.video.keyframes.painted_share import finished_share
from labeling.corrections.corrections import Correction
from labeling.corrections.human_masks import RULE_SUFFIX, effective_region, human_mask_hash
from labeling.instructions.normalisation import normalise
from labeling.instructions.table import Instruction
from labeling.pairs import Pair, read_pairs
from labeling.regions.regions import RegionsConfig, matching_region, read_regions

Exclusion = Literal["", "rejected", "half_done", "unsure", "unnamed"]
"""Why a pair is in no shard: rejected by a person; the beginning of its painting is missing from
the video; the labeler is unsure, or named nothing, and no person said more."""

SHARDS_VERSION = 1
"""Raised when the same pairs make other shards: all are then built again."""


class ShardsConfig(Config):
    """Training shards."""

    samples_per_shard: int = Field(default=256, ge=1)
    """Most pairs in one shard; 256 pairs take about 75 MB at a short side of 512 px. The shards of
    a split have about equal bytes. Small shards spread better over workers, large ones read
    faster."""
    max_finished_at_start: float = Field(default=MAX_FINISHED_AT_START, ge=0, le=1)
    """Most of the finished painting's detail, as a share, that may be on the canvas after the first
    step, which starts from white. Above it the beginning of the painting is missing from the video,
    and the step would teach to paint half a picture at once. 1: never."""
    half_done_start: Literal["step", "video"] = "step"
    """What is then left out: that first step, or all steps of the video."""


class PlannedPair(Record):
    """A pair with everything that determines its sample, without its images."""

    video_id: str
    split: Split
    pair_id: str
    content_hash: str
    region_sha256: str
    human_mask: str = Field(default="", exclude=True)
    """Hash of the painted mask; empty: the machine's mask. It is not part of the recipe, because
    `region_sha256` covers it."""
    keyframes_file_version: str = Field(default="", exclude=True)
    """`ingest.ledger.outcome.keyframes_file_version` of the tar when its canvases were hashed."""
    num_bytes: int
    """Size of its three images, by which shards are balanced. Masks are not counted, so that a
    corrected mask does not move pairs to other shards."""
    interval_s: float
    instruction: str
    """Effective instruction; empty if the machine named nothing and nobody corrected it."""
    is_rejected: bool
    is_half_done: bool = Field(default=False, exclude=True)
    """Whether it is left out because the beginning of the painting is missing
    (`ShardsConfig.max_finished_at_start`)."""
    is_unsure: bool = Field(default=False, exclude=True)
    """Whether its labeler had a guess, but was too unsure of it."""
    provenance: Provenance

    @property
    def is_kept(self) -> bool:
        """Whether the pair becomes a sample."""
        return not self.exclusion

    @property
    def exclusion(self) -> Exclusion:
        """Why the pair becomes no sample; empty if it does."""
        if self.is_rejected:
            return "rejected"
        if self.is_half_done:
            return "half_done"
        if self.instruction:
            return ""
        return "unsure" if self.is_unsure else "unnamed"


class PlannedShard(Record):
    """A shard to build, with all its pairs, kept or not."""

    root: Path
    name: str
    split: Split
    pairs: tuple[PlannedPair, ...]

    @property
    def kept(self) -> list[PlannedPair]:
        """The pairs that become samples."""
        return [pair for pair in self.pairs if pair.is_kept]

    @property
    def recipe(self) -> str:
        """Hash of everything that determines the bytes of the shard."""
        head = {
            "schema_version": SCHEMA_VERSION,
            "version": SHARDS_VERSION,
            "pairs": [p.model_dump() for p in self.kept],
        }
        return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class PlanTask:
    """Input of the Ray task that plans one video."""

    root: Path
    video_id: str
    instructions: dict[str, Instruction]
    """By pair id."""
    corrections: dict[tuple[str, str], Correction]
    """Corrections in force, by (pair id, content hash)."""
    regions: RegionsConfig
    config_hash: str
    shards: ShardsConfig


def plan_video(task: PlanTask) -> list[PlannedPair]:
    """Plan the pairs of a video with their labels and corrections.

    Raises:
        UserError: a label is missing or belongs to other images; names the command that makes it.
    """
    dataset = Dataset(task.root)
    # Before the keyframes are read, so that a file that is replaced meanwhile is noticed.
    file_version = keyframes_file_version(dataset, task.video_id)
    outcome, pairs = read_pairs(dataset, task.video_id)
    regions = read_regions(dataset, task.video_id) if pairs else {}
    planned = []
    half_done = half_done_pairs(pairs, task.shards)
    for pair in pairs:
        region = matching_region(pair, regions, task.regions, dataset)
        label = task.instructions.get(pair.pair_id)
        if label is None or label.content_hash != pair.content_hash:
            problem = "no instruction" if label is None else "an instruction for other images"
            raise UserError(
                f"pair {pair.pair_id} has {problem}: run "
                f"`python -m labeling instructions {dataset.root}`"
            )
        correction = task.corrections.get((pair.pair_id, pair.content_hash))
        region = effective_region(dataset, task.video_id, region, human_mask_hash(correction))
        provenance = _provenance(outcome, pair, label, correction, task)
        planned.append(
            PlannedPair(
                video_id=task.video_id,
                split=outcome.split,
                pair_id=pair.pair_id,
                content_hash=pair.content_hash,
                region_sha256=sha256(region.mask + region.difference),
                human_mask=human_mask_hash(correction),
                keyframes_file_version=file_version,
                num_bytes=sum(len(c.data) for c in (pair.current, pair.next, pair.target)),
                interval_s=pair.interval_s,
                instruction=normalise(correction.instruction) if correction else label.text,
                is_rejected=correction is not None and correction.verdict == "reject",
                is_half_done=pair.pair_id in half_done,
                is_unsure=label.is_unsure,
                provenance=provenance,
            )
        )
    return planned


def half_done_pairs(pairs: Sequence[Pair], config: ShardsConfig) -> set[str]:
    """Ids of the pairs to leave out because the beginning of their painting is missing."""
    if config.max_finished_at_start == 1:
        return set()
    starts = {
        pair.pair_id
        for pair in pairs
        if pair.current.reference.keyframe is None
        and pair.next.reference.keyframe != pair.target.reference.keyframe
        and finished_share(pair.next.image(), pair.target.image()) > config.max_finished_at_start
    }
    is_whole = bool(starts) and config.half_done_start == "video"
    return {pair.pair_id for pair in pairs} if is_whole else starts


def assign_shards(
    root: Path, videos: Iterable[Sequence[PlannedPair]], config: ShardsConfig
) -> list[PlannedShard]:
    """Assign the pairs of all videos to shards, independently of corrections.

    Videos are ordered by a hash of their id, so that a shard mixes unrelated videos. The pairs
    within a shard are ordered by a hash, too.

    Raises:
        UserError: a painting is in both splits, so that validation would use training data.
    """
    shards: list[PlannedShard] = []
    ordered = sorted((v for v in videos if v), key=lambda v: _shuffle_key(v[0].video_id))
    _check_splits(ordered)
    for split in ("train", "val"):
        pairs = [pair for video in ordered for pair in video if pair.split == split]
        groups = _split_by_bytes(pairs, config.samples_per_shard)
        # Some readers fail at a shard without samples, so it is left out and not numbered.
        filled = [group for group in groups if any(pair.is_kept for pair in group)]
        for number, group in enumerate(filled):
            shuffled = sorted(group, key=lambda pair: _shuffle_key(pair.pair_id))
            name = f"{split}-{number:06d}.tar"
            shards.append(PlannedShard(root=root, name=name, split=split, pairs=tuple(shuffled)))
    return shards


def _split_by_bytes(pairs: Sequence[PlannedPair], max_pairs: int) -> list[list[PlannedPair]]:
    """Cut pairs, in their order, into groups of about equal bytes and at most `max_pairs` pairs.

    There are about as few groups as possible. If sizes differ much, a group may be full before it
    has its share of the bytes.
    """
    num_groups, total = -(-len(pairs) // max_pairs), sum(pair.num_bytes for pair in pairs)
    groups: list[list[PlannedPair]] = []
    seen = 0
    for pair in pairs:
        # A pair belongs to the group in which its middle byte falls.
        middle = 2 * seen + pair.num_bytes
        is_next_group = not groups or middle >= 2 * total * len(groups) / num_groups
        if is_next_group or len(groups[-1]) == max_pairs:
            groups.append([])
        groups[-1].append(pair)
        seen += pair.num_bytes
    return groups


def _check_splits(videos: Iterable[Sequence[PlannedPair]]) -> None:
    """Raises UserError if a painting is in both splits."""
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
        region_rule=task.regions.rule + (RULE_SUFFIX if human_mask_hash(correction) else ""),
        ingest_version=outcome.ingest_version,
        config_hash=task.config_hash,
        **references,
    )


def _shuffle_key(text: str) -> str:
    """Sort key that gives an arbitrary but fixed order."""
    return hashlib.sha256(text.encode()).hexdigest()
