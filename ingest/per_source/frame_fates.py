"""Decides what became of every frame that was looked at: used, or dropped for one reason.

The counts in a video's outcome are derived from this list, so they cannot disagree with it.
"""

from __future__ import annotations

from collections import Counter

from ingest.ledger.frame_table import FrameFate
from ingest.video.analysis import Analysis
from ingest.video.imaging.difference import differs
from ingest.video.keyframes.keyframes import Choice
from ingest.video.keyframes.span import Span

MOSTLY_COVERED = 0.5
"""Share of the canvas from which a frame counts as covered."""
STRAY_FRAMES = 2
"""A take of at most so many frames amid the main view is a failed registration, not a scene."""


def frame_fates(
    analysis: Analysis, span: Span, choices: list[Choice], speed: float
) -> list[FrameFate]:
    """The fate of every frame that was looked at, in the order of time.

    Args:
        speed: real seconds in a second of the video.
    """
    users: dict[int, list[int]] = {}
    for k, choice in enumerate(choices):
        for number in choice.looks:
            users.setdefault(number, []).append(k)
    reasons = _reasons_of_others(analysis)
    for b, members in enumerate(analysis.history.bins):
        for number in map(int, members):
            if number not in users:
                reasons[analysis.used[number]] = _reason(analysis, span, b, number)
    used = {analysis.used[number]: tuple(keyframes) for number, keyframes in users.items()}
    return [
        FrameFate(frame.index, round(frame.time_s * speed, 3), reasons.get(i, ""), used.get(i, ()))
        for i, frame in enumerate(analysis.looked)
    ]


def _reasons_of_others(analysis: Analysis) -> dict[int, str]:
    """Position in `looked` to reason, of the frames that are not of the main view."""
    first, last = analysis.used[0], analysis.used[-1]
    main = set(analysis.used)
    sizes = Counter(frame.pose.take for frame in analysis.looked)
    reasons = {}
    for i, frame in enumerate(analysis.looked):
        if i not in main:
            is_stray = first < i < last and sizes[frame.pose.take] <= STRAY_FRAMES
            reasons[i] = "not-registered" if is_stray else "other-shot"
    return reasons


def _reason(analysis: Analysis, span: Span, b: int, number: int) -> str:
    """Why frame `number` of the main view, of bin `b`, is in no keyframe."""
    if b < span.first:
        return "before-painting"
    if b > span.last:
        return "after-painting"
    history = analysis.history
    cover = differs(analysis.frames[number], history.states[b], history.tolerance)
    return "covered" if cover.mean() > MOSTLY_COVERED else "unchanged"
