"""Near-duplicate videos side by side: the same painting, uploaded twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, read_keyframes, read_outcome
from ingest.report.pictures import Album
from ingest.report.timeline import clock

MAX_GROUPS, MAX_MEMBERS = 20, 6
"""Groups on the page, and videos shown of one."""
PICTURE_PX = (260, 170)


@dataclass
class Twins:
    """Collects groups in memory that does not grow: those whose first video has the lowest id."""

    num_videos: int = 0
    """Videos that are near-duplicates of an earlier one."""
    members: dict[str, list[str]] = field(default_factory=dict)
    """First video of a group to the ids of some others."""
    sizes: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: VideoOutcome) -> None:
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
        """(first video, some others, how many others there are) of the groups to show."""
        names = sorted(self.members)[:MAX_GROUPS]
        return [(name, self.members[name], self.sizes[name]) for name in names]


@dataclass(frozen=True)
class Twin:
    """One video of a group on the page."""

    video_id: str
    name: str
    facts: str
    image: str
    """Its finished painting."""


@dataclass(frozen=True)
class TwinGroup:
    """Videos of one painting."""

    painting_id: str
    split: str
    twins: list[Twin]
    num_hidden: int


def make_groups(dataset: Dataset, twins: Twins, album: Album) -> list[TwinGroup]:
    """Read and picture the groups. Raises UserError: a file of one is missing or damaged."""
    groups = []
    for first, others, size in twins.shown():
        outcomes = [read_outcome(dataset, video_id) for video_id in (first, *others)]
        shown = [_twin(dataset, outcome, album) for outcome in outcomes]
        head = outcomes[0]
        groups.append(TwinGroup(head.painting_id, head.split, shown, size - len(others)))
    return groups


def _twin(dataset: Dataset, outcome: VideoOutcome, album: Album) -> Twin:
    finished = read_keyframes(dataset, outcome.video_id)[-1].image()
    return Twin(
        video_id=outcome.video_id,
        name=Path(outcome.uri).name or outcome.uri,
        facts=f"{outcome.num_keyframes} keyframes, {clock(outcome.duration_s or 0.0)}",
        image="" if album.is_full else album.add(finished, PICTURE_PX),
    )
