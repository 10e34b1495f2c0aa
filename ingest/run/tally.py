"""Counts of a run: numbers, not lists, so that they take no more memory for a million sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ingest.ledger.outcome import VideoOutcome


@dataclass
class RunResult:
    """What a run did. Counts are of the sources that this run was given."""

    num_skipped: int = 0
    """Sources whose outcome stood already."""
    num_keyframes: int = 0
    num_sampled_frames: int = 0
    warnings: list[str] = field(default_factory=list)
    """About the dataset as a whole, such as paintings with contrary splits."""
    statuses: Counter[str] = field(default_factory=Counter)
    unkept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: VideoOutcome, number: int = 1) -> None:
        """Count an outcome; -1 takes it back."""
        self.statuses[outcome.status] += number
        if outcome.status != "kept":
            self.unkept[outcome.reason] += number
        self.num_keyframes += number * outcome.num_keyframes
        self.num_sampled_frames += number * outcome.num_sampled_frames
        for reason, frames in outcome.dropped.items():
            self.dropped[reason] += number * frames

    @property
    def num_sources(self) -> int:
        return self.statuses.total()

    def counts(self) -> dict[str, int]:
        """Sources by status."""
        return _sorted(self.statuses)

    def reasons(self) -> dict[str, int]:
        """Sources without keyframes by reason."""
        return _sorted(self.unkept)

    def frame_funnel(self) -> dict[str, int]:
        """Frames that no keyframe uses by reason."""
        return _sorted(self.dropped)

    def failed_share(self) -> float:
        return self.statuses["failed"] / max(1, self.num_sources)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: number for name, number in sorted(counts.items()) if number}
