"""Collects groups of near-duplicate videos (one painting, uploaded several times) for the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, read_keyframes, read_outcome, tell_left_out
from ingest.report.pictures import Album
from ingest.report.timeline import clock

MAX_GROUPS = 20
"""Most groups on the page."""
MAX_MEMBERS = 6
"""Most videos that are shown of a group."""
PICTURE_PX = (260, 170)
"""Box (width, height) that pictures are fitted into."""


@dataclass
class NearDuplicates:
    """Collects groups in bounded memory: those whose first video has the lowest id are kept."""

    num_videos: int = 0
    """Videos that are near-duplicates of an earlier one."""
    members: dict[str, list[str]] = field(default_factory=dict)
    """Ids of some further videos of a group, by the id of its first video."""
    sizes: Counter[str] = field(default_factory=Counter)
    """Number of further videos of a group, by the id of its first video."""

    def add(self, outcome: VideoOutcome) -> None:
        """Count a kept video."""
        first = outcome.near_duplicate_of
        if not first:
            return
        self.num_videos += 1
        self.sizes[first] += 1
        group = self.members.setdefault(first, [])
        group.append(outcome.video_id)
        self.members[first] = sorted(group)[: MAX_MEMBERS - 1]
        if len(self.members) >= 2 * MAX_GROUPS:
            for name in sorted(self.members)[MAX_GROUPS:]:
                del self.members[name], self.sizes[name]

    def shown(self) -> list[tuple[str, list[str], int]]:
        """The groups to show: (id of the first video, ids of some others, number of others)."""
        names = sorted(self.members)[:MAX_GROUPS]
        return [(name, self.members[name], self.sizes[name]) for name in names]


@dataclass(frozen=True)
class GroupMember:
    """One video of a group on the page."""

    video_id: str
    name: str
    facts: str
    """Number of keyframes and duration, in words."""
    image: str
    """Data URI of its finished painting; empty where the page had no room left."""


@dataclass(frozen=True)
class NearDuplicateGroup:
    """A group of videos of one painting, on the page."""

    painting_id: str
    split: str
    members: list[GroupMember]
    num_hidden: int


def make_groups(
    dataset: Dataset, near_duplicates: NearDuplicates, album: Album
) -> list[NearDuplicateGroup]:
    """Read the groups and their pictures; a video whose files are missing or damaged is told and
    left out."""
    groups = []
    for first, others, size in near_duplicates.shown():
        members = []
        for video_id in (first, *others):
            try:
                outcome = read_outcome(dataset, video_id)
                members.append((outcome, _member(dataset, outcome, album)))
            except UserError as error:
                tell_left_out(error)
        if not members:
            continue
        head, shown = members[0][0], [member for _, member in members]
        groups.append(NearDuplicateGroup(head.painting_id, head.split, shown, size - len(others)))
    return groups


def _member(dataset: Dataset, outcome: VideoOutcome, album: Album) -> GroupMember:
    finished = read_keyframes(dataset, outcome.video_id)[-1].image()
    return GroupMember(
        video_id=outcome.video_id,
        name=Path(outcome.uri).name or outcome.uri,
        facts=f"{outcome.num_keyframes} keyframes, {clock(outcome.duration_s or 0.0)}",
        image="" if album.is_full else album.add(finished, PICTURE_PX),
    )
