"""Assigns every group of videos that show the same painting to one split (train or val).

Videos form a group if they have the same painting id or matching fingerprints. Splits are decided
at the end of a run from all videos of the dataset, so their order does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ingest.format.schema import Split
from ingest.ledger.fingerprint import hash_bits, same_colours
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.outcome_table import KeptVideo, OutcomeTable
from ingest.run.hash_search import close_pairs
from ingest.sources.discover import DiscoverConfig, split_of


@dataclass(frozen=True)
class Decision:
    """The fields of an outcome that depend on the group of its video."""

    split: Split
    near_duplicate_of: str
    """Id of the first video with a matching fingerprint; empty for that video itself."""


def decide(table: OutcomeTable, config: DiscoverConfig) -> tuple[dict[str, Decision], list[str]]:
    """Decisions by video id for all videos in groups, and warnings about conflicting splits."""
    pairs = _near_duplicate_pairs(table)
    first_of = _groups(pairs)
    paintings = {table.kept(video_id).painting_id for pair in pairs for video_id in pair}
    paintings |= set(table.conflicting_paintings())
    videos = [video for painting in sorted(paintings) for video in table.of_painting(painting)]
    # The second grouping is of paintings: near-duplicate videos join theirs.
    painting_of = {video.video_id: video.painting_id for video in videos}
    joined = _groups((painting_of[a], painting_of[b]) for a, b in pairs)
    members: dict[str, list[KeptVideo]] = defaultdict(list)
    for video in videos:
        members[joined.get(video.painting_id, video.painting_id)].append(video)
    decisions: dict[str, Decision] = {}
    warnings: list[str] = []
    for group in members.values():
        split, warning = _split(group, config)
        warnings += [warning] if warning else []
        for video in group:
            first = first_of.get(video.video_id, video.video_id)
            is_first = first == video.video_id
            decisions[video.video_id] = Decision(split, "" if is_first else first)
    return decisions, warnings


def decided(
    outcome: VideoOutcome, decisions: dict[str, Decision], config: DiscoverConfig
) -> VideoOutcome:
    """The outcome with the split of its group; with its own split if it is kept and in no group."""
    if outcome.status != "kept":
        return outcome
    own = Decision(outcome.given_split or split_of(outcome.painting_id, config), "")
    decision = decisions.get(outcome.video_id, own)
    return outcome.model_copy(
        update={"split": decision.split, "near_duplicate_of": decision.near_duplicate_of}
    )


def _near_duplicate_pairs(table: OutcomeTable) -> list[tuple[str, str]]:
    """Pairs of video ids with matching fingerprints, sorted."""
    ids = np.fromiter((int(v, 16) for v, _ in table.fingerprints()), np.uint64)
    hashes = np.fromiter((hash_bits(text) for _, text in table.fingerprints()), np.uint64)
    found = set()
    for i, j in close_pairs(hashes):
        pair = (f"{int(ids[i]):016x}", f"{int(ids[j]):016x}")
        if pair in found:
            continue
        if same_colours(*(table.kept(video_id).fingerprint for video_id in pair)):
            found.add(pair)
    return sorted(found)


def _groups(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The smallest member of a group, by member: connected components by union-find."""
    first: dict[str, str] = {}

    def find(name: str) -> str:
        while first.setdefault(name, name) != name:
            first[name] = first[first[name]]
            name = first[name]
        return name

    for a, b in pairs:
        low, high = sorted((find(a), find(b)))
        first[high] = low
    return {name: find(name) for name in list(first)}


def _split(group: list[KeptVideo], config: DiscoverConfig) -> tuple[Split, str]:
    """The split of a group, and a warning or an empty text.

    It is the split that the manifest gives the first video that has one; else it comes from the
    smallest painting id.
    """
    group = sorted(group, key=lambda video: (video.painting_id, video.video_id))
    first = next((video for video in group if video.given_split), None)
    if first is None or first.given_split is None:
        return split_of(group[0].painting_id, config), ""
    split = first.given_split
    other = next((video for video in group if video.given_split not in (None, split)), None)
    if other is None:
        return split, ""
    return split, (
        f"the manifest puts video {first.video_id} into {split} and {other.video_id} into "
        f"{other.given_split}, but both show one painting ({first.painting_id}, "
        f"{other.painting_id}): all of it went to {split}; give them one split in the manifest"
    )
