"""Counts the outcomes of a run. Only numbers are kept, so memory is bounded for any run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ingest.ledger.outcome import VideoOutcome
from ingest.report.selection import by_suspicion
from ingest.video.keyframes.occluder_suspicion import SUSPICION_THRESHOLD

MAX_DOUBTFUL = 10
"""Most sources that are named at the end of a run for a person to look at."""


@dataclass
class RunResult:
    """The counts of a run, over the sources that it was given."""

    num_skipped: int = 0
    """Sources whose outcome is reused from an earlier run."""
    num_keyframes: int = 0
    num_sampled_frames: int = 0
    warnings: list[str] = field(default_factory=list)
    """Warnings about the dataset as a whole, such as paintings with conflicting splits."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Sources by status."""
    unkept: Counter[str] = field(default_factory=Counter)
    """Sources without keyframes by reason."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Sampled frames that no keyframe uses, by reason."""

    doubtful: dict[str, VideoOutcome] = field(default_factory=dict)
    """Kept sources that a person should look at, by id: the most doubtful ones."""

    def add(self, outcome: VideoOutcome, number: int = 1) -> None:
        """Count an outcome; a `number` of -1 removes it again."""
        self.statuses[outcome.status] += number
        if outcome.status != "kept":
            self.unkept[outcome.reason] += number
        elif number < 0:
            self.doubtful.pop(outcome.video_id, None)
        elif outcome.warnings or outcome.suspicion >= SUSPICION_THRESHOLD:
            self.doubtful[outcome.video_id] = outcome
            self.doubtful = {o.video_id: o for o in self.most_doubtful()}
        self.num_keyframes += number * outcome.num_keyframes
        self.num_sampled_frames += number * outcome.num_sampled_frames
        for reason, frames in outcome.dropped.items():
            self.dropped[reason] += number * frames

    def most_doubtful(self) -> list[VideoOutcome]:
        """Kept sources with a warning or a suspect keyframe, most doubtful first, at most
        `MAX_DOUBTFUL`."""
        return sorted(self.doubtful.values(), key=by_suspicion)[:MAX_DOUBTFUL]

    @property
    def num_sources(self) -> int:
        return self.statuses.total()

    def counts(self) -> dict[str, int]:
        """Sources by status, sorted."""
        return _sorted(self.statuses)

    def reasons(self) -> dict[str, int]:
        """Sources without keyframes by reason, sorted."""
        return _sorted(self.unkept)

    def frame_funnel(self) -> dict[str, int]:
        """Sampled frames that no keyframe uses by reason, sorted."""
        return _sorted(self.dropped)

    def failed_share(self) -> float:
        """Share of the sources that failed, 0 to 1."""
        return self.statuses["failed"] / max(1, self.num_sources)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: number for name, number in sorted(counts.items()) if number}
