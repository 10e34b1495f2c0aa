"""Counts all outcomes of a dataset and selects those that the page shows, in bounded memory.

Up to `MAX_PICTURED` kept videos are shown with pictures: all of them, or the most suspicious ones
and some drawn at random, so that the page does not show the worst alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ingest.ledger.outcome import VideoOutcome
from ingest.report.near_duplicates import NearDuplicates
from ingest.report.timeline import USED
from ingest.video.keyframes.occluder_suspicion import SUSPICION_THRESHOLD

MAX_PICTURED = 100
"""Most kept videos with pictures."""
NUM_DRAWN = 30
"""How many of them are drawn at random if there are more kept videos."""
MAX_LISTED = 25
"""Most sources that are listed for each reason of not being kept."""
KEYFRAME_BINS = (5, 10, 15, 20, 25, 30, 40, 60)
"""Upper limits of the histogram of keyframes per video; one more column holds the rest."""
SPACING_BINS_S = (1, 2, 5, 10, 20, 40, 80, 160)
"""Upper limits of the histogram of seconds between keyframes; one more column holds the rest."""
SUSPICION_BINS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Upper limits of the histogram of suspicion; one more column holds the rest."""

Item = TypeVar("Item")
"""The type of the items of `Smallest`."""


class Smallest(Generic[Item]):
    """Keeps the `size` items with the smallest keys, in bounded memory."""

    def __init__(self, size: int, key: Callable[[Item], Any]) -> None:
        self.size, self.key = size, key
        self._items: list[Item] = []

    def add(self, item: Item) -> None:
        self._items.append(item)
        if len(self._items) >= 2 * self.size:
            self._items = self.sorted()

    def sorted(self) -> list[Item]:
        """The kept items by rising key."""
        return sorted(self._items, key=self.key)[: self.size]


@dataclass
class Totals:
    """Counts over all outcomes."""

    statuses: Counter[str] = field(default_factory=Counter)
    """Sources by status."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Sources by reason; `kept` for those that were."""
    frames: Counter[str] = field(default_factory=Counter)
    """Frames of kept videos by fate."""
    warnings: Counter[str] = field(default_factory=Counter)
    """Kept videos by kind of warning: the words before the colon."""
    splits: Counter[str] = field(default_factory=Counter)
    """Kept videos by split."""
    num_suspect: int = 0
    """Kept videos with a suspect keyframe."""
    num_keyframes: int = 0
    painting_s: float = 0.0
    """Sum of the painting spans of kept videos, in seconds of video."""
    keyframe_bins: Counter[int] = field(default_factory=Counter)
    spacing_bins: Counter[int] = field(default_factory=Counter)
    suspicion_bins: Counter[int] = field(default_factory=Counter)

    def add(self, outcome: VideoOutcome) -> None:
        """Count an outcome."""
        self.statuses[outcome.status] += 1
        self.reasons[outcome.reason if outcome.status != "kept" else "kept"] += 1
        if outcome.status != "kept":
            return
        self.frames.update(outcome.dropped)
        self.frames[USED] += outcome.num_sampled_frames - sum(outcome.dropped.values())
        self.warnings.update({warning_kind(warning) for warning in outcome.warnings})
        self.splits[outcome.split] += 1
        self.num_suspect += outcome.suspicion >= SUSPICION_THRESHOLD
        self.num_keyframes += outcome.num_keyframes
        start_s, end_s = outcome.span_s or (0.0, 0.0)
        self.painting_s += end_s - start_s
        self.keyframe_bins[bin_of(outcome.num_keyframes, KEYFRAME_BINS)] += 1
        spacing_s = (end_s - start_s) / max(1, outcome.num_keyframes - 1)
        self.spacing_bins[bin_of(spacing_s, SPACING_BINS_S)] += 1
        self.suspicion_bins[bin_of(outcome.suspicion, SUSPICION_BINS)] += 1


@dataclass(frozen=True)
class Selection:
    """What the page shows."""

    pictured: list[VideoOutcome]
    """Kept videos with pictures, the most suspicious first."""
    num_drawn: int
    """How many of them were drawn at random from the rest; 0 where all kept videos are shown."""
    unkept: list[VideoOutcome]
    """Sources that were not kept: failed ones first, then by reason."""
    totals: Totals
    near_duplicates: NearDuplicates


def select(outcomes: Iterable[VideoOutcome]) -> Selection:
    """Count all outcomes and select some; the result does not depend on their order."""
    totals, near_duplicates = Totals(), NearDuplicates()
    worst: Smallest[VideoOutcome] = Smallest(MAX_PICTURED, by_suspicion)
    # Ids are hashes of content, so the smallest ones are a reproducible random sample.
    drawn: Smallest[VideoOutcome] = Smallest(MAX_PICTURED, lambda outcome: outcome.video_id)
    unkept: dict[str, Smallest[VideoOutcome]] = {}
    for outcome in outcomes:
        totals.add(outcome)
        if outcome.status == "kept":
            worst.add(outcome)
            drawn.add(outcome)
            near_duplicates.add(outcome)
        else:
            group = unkept.setdefault(
                outcome.reason,
                Smallest(MAX_LISTED, lambda outcome: (outcome.uri, outcome.video_id)),
            )
            group.add(outcome)
    pictured, num_drawn = _pictured(worst.sorted(), drawn.sorted(), totals.statuses["kept"])
    listed = [outcome for group in unkept.values() for outcome in group.sorted()]
    listed.sort(key=lambda o: (o.status != "failed", o.reason, o.uri, o.video_id))
    return Selection(pictured, num_drawn, listed, totals, near_duplicates)


def warning_kind(warning: str) -> str:
    """The kind of a warning `kind: sentence`."""
    return warning.partition(":")[0]


def bin_of(value: float, limits: tuple[float, ...]) -> int:
    """The histogram column of a value: the first whose upper limit is not below it."""
    return next((i for i, limit in enumerate(limits) if value <= limit), len(limits))


def _pictured(
    worst: list[VideoOutcome], drawn: list[VideoOutcome], num_kept: int
) -> tuple[list[VideoOutcome], int]:
    """The videos to show with pictures, and how many of them were drawn at random."""
    if num_kept <= MAX_PICTURED:
        return worst, 0
    first = worst[: MAX_PICTURED - NUM_DRAWN]
    shown = {outcome.video_id for outcome in first}
    rest = [outcome for outcome in drawn if outcome.video_id not in shown][:NUM_DRAWN]
    return [*first, *sorted(rest, key=by_suspicion)], NUM_DRAWN


def by_suspicion(outcome: VideoOutcome) -> tuple[float, int, str]:
    """Sort key: most suspicious first."""
    return -outcome.suspicion, -len(outcome.warnings), outcome.video_id
