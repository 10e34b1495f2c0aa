"""Lists what became of every sampled frame: used in keyframes, or dropped for one reason.

The counts in a video's outcome are derived from this list, so they cannot disagree with it.
"""

from __future__ import annotations

from collections import Counter

from ingest.ledger.frame_table import FrameFate
from ingest.video.analysis import Analysis
from ingest.video.imaging.difference import differs
from ingest.video.keyframes.painting_span import Span
from ingest.video.keyframes.selection import SelectedKeyframe

MAX_OCCLUDED_SHARE = 0.5
"""Largest share of the canvas that may be occluded in a frame that does not count as covered."""
MAX_STRAY_FRAMES = 2
"""Most frames of a shot between frames of the main shot that counts as a failed registration and
not as another shot."""


def frame_fates(
    analysis: Analysis, span: Span, selected: list[SelectedKeyframe], speed: float
) -> list[FrameFate]:
    """Returns the fate of every sampled frame, in order of time.

    Args:
        speed: real seconds per second of the video.
    """
    users: dict[int, list[int]] = {}
    for k, keyframe in enumerate(selected):
        for number in keyframe.source_masks:
            users.setdefault(number, []).append(k)
    reasons = _reasons_outside_main_shot(analysis)
    for b, members in enumerate(analysis.history.bins):
        for number in map(int, members):
            if number not in users:
                reasons[analysis.used[number]] = _reason(analysis, span, b, number)
    used = {analysis.used[number]: tuple(keyframes) for number, keyframes in users.items()}
    return [
        FrameFate(frame.index, round(frame.time_s * speed, 3), reasons.get(i, ""), used.get(i, ()))
        for i, frame in enumerate(analysis.sampled_frames)
    ]


def _reasons_outside_main_shot(analysis: Analysis) -> dict[int, str]:
    """Returns the reasons of the frames that are not used, by position in `sampled_frames`."""
    first, last = analysis.used[0], analysis.used[-1]
    main = set(analysis.used)
    sizes = Counter(frame.pose.shot for frame in analysis.sampled_frames)
    reasons = {}
    for i, frame in enumerate(analysis.sampled_frames):
        if i not in main:
            is_stray = first < i < last and sizes[frame.pose.shot] <= MAX_STRAY_FRAMES
            reasons[i] = "not-registered" if is_stray else "other-shot"
    return reasons


def _reason(analysis: Analysis, span: Span, b: int, number: int) -> str:
    """Returns why frame `number` of the main shot, which lies in bin `b`, is in no keyframe."""
    if b < span.first:
        return "before-painting"
    if b > span.last:
        return "after-painting"
    history = analysis.history
    occluded = differs(analysis.frames[number], history.states[b], history.tolerance)
    return "covered" if occluded.mean() > MAX_OCCLUDED_SHARE else "unchanged"
