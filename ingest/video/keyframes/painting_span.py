"""Finds when the painting happens: without a preview at the start, idle start and idle end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.colour_distance import change, detail, painted_area, pyramid

MIN_INTRO_DETAIL = 0.05
"""Least `detail` (share of structured pixels) of another picture that is shown first."""
MAX_DETAIL_RATIO = 0.25
"""Largest `detail` of the canvas after such a picture, relative to that of the picture."""
MAX_LATER_STATES = 5
"""States after the last visible change in which the painter may still touch the canvas."""
MAX_OCCLUDED_AT_END = 0.02
"""Largest share of the canvas that may be occluded in the last state."""
MAX_EARLIER_STATES = 4
"""States before the first visible paint in which the untouched canvas may be seen better."""
JUMP_STATES = 2
"""States within which the canvas changes from an intro to the painting."""
MIN_JUMP_SHARE = 0.7
"""Share of the change that must happen within `JUMP_STATES`: painters are slower."""


class SpanConfig(Config):
    """How the painting span is found."""

    min_change: float = Field(default=0.004, gt=0)
    """Share of the canvas that must look different for something to have been painted."""
    min_detail: float = Field(default=0.0008, gt=0)
    """Share of the canvas that must differ clearly for a last detail to count as painted."""
    intro_share: float = Field(default=0.35, ge=0, lt=1)
    """An intro ends within this share of the video."""
    intro_jump: float = Field(default=0.5, gt=0, lt=1)
    """An intro is a start that is so much nearer to the final picture than what follows it: 0.5
    means at most half the distance."""


@dataclass(frozen=True)
class Span:
    """The first and the last state of the painting."""

    first: int
    last: int
    intro: str = ""
    """What is shown before the painting, as a sentence; empty if nothing is."""


def find_span(states: np.ndarray, config: SpanConfig) -> Span | None:
    """Returns the span of the painting, or None if nothing changes.

    Args:
        states: clean canvases, RGB uint8 (b, h, w, 3).
    """
    pyramids = [pyramid(state) for state in states]
    intro, why = _intro_end(states, pyramids, config)
    last = len(states) - 1
    while last > intro and not _is_painted(pyramids[last - 1], pyramids[-1], config):
        last -= 1
    first = intro
    while first < last and change(pyramids[first + 1], pyramids[intro]) < config.min_change:
        first += 1
    if first >= last and change(pyramids[intro], pyramids[-1]) < config.min_change:
        return None
    return Span(first, last, why)


def with_later_end(
    span: Span, states: np.ndarray, occluded: np.ndarray, config: SpanConfig
) -> Span:
    """Returns the span with a later end, where the canvas is in clear view and looks the same.

    A signature is thinner than what is visible at analysis size. It comes right before the painter
    is done, so the finished picture is taken a little after the last visible paint.

    Args:
        states: RGB uint8 (b, h, w, 3).
        occluded: share of the canvas that is occluded in each state (b,).
    """
    last, end = span.last, pyramid(states[span.last])
    for b in range(span.last + 1, min(span.last + MAX_LATER_STATES, len(states) - 1) + 1):
        if change(pyramid(states[b]), end) >= config.min_change:
            break
        if occluded[b] <= max(MAX_OCCLUDED_AT_END, occluded[last]):
            last = b
    return replace(span, last=last)


def with_earlier_start(
    span: Span, states: np.ndarray, unsure: np.ndarray, config: SpanConfig
) -> Span:
    """Returns the span with an earlier start, where the untouched canvas is in clear view.

    In the last state before paint is visible, the hand that paints often hides the canvas.

    Args:
        states: RGB uint8 (b, h, w, 3).
        unsure: share of the canvas that is unsure in each state (b,).
    """
    start, earlier = pyramid(states[span.first]), [span.first]
    for b in range(span.first - 1, max(-1, span.first - MAX_EARLIER_STATES - 1), -1):
        if change(pyramid(states[b]), start) >= config.min_change:
            break
        earlier.append(b)
    clear = [b for b in earlier if unsure[b] < config.min_change]
    first = clear[0] if clear else min(earlier, key=lambda b: (unsure[b], -b))
    return replace(span, first=first)


def _is_painted(before: list[np.ndarray], after: list[np.ndarray], config: SpanConfig) -> bool:
    """Returns True if two pyramids differ by paint, be it a small detail."""
    if change(before, after) >= config.min_change:
        return True
    return painted_area(before, after) >= config.min_detail


def _intro_end(
    states: np.ndarray, pyramids: list[list[np.ndarray]], config: SpanConfig
) -> tuple[int, str]:
    """Returns the first state after an intro (0 without one), and what the intro shows.

    A painting moves away from the blank canvas and towards its end. A start that is much nearer to
    the end than what follows is the finished picture shown first. One with much more structure
    than what follows is some other picture.
    """
    reach = max(1, round(config.intro_share * len(states)))
    distance = np.array([change(early, pyramids[-1]) for early in pyramids[: reach + 1]])
    farthest = int(np.argmax(distance))
    nearest = float(distance[: farthest + 1].min())
    is_nearer = nearest < config.intro_jump * distance[farthest]
    if farthest and is_nearer and _is_jump(distance, farthest):
        return farthest, "the finished picture is shown first"
    structure = np.array([detail(state) for state in states[: reach + 1]])
    emptiest = len(structure) - 1 - int(np.argmin(structure[::-1]))
    fullest = structure[: emptiest + 1].max()
    if fullest > MIN_INTRO_DETAIL and structure[emptiest] < MAX_DETAIL_RATIO * fullest:
        return emptiest, "another picture is shown first"
    return 0, ""


def _is_jump(distance: np.ndarray, peak: int) -> bool:
    """Returns True if most of the rise up to the peak happens within `JUMP_STATES`."""
    rise = distance[peak] - distance[: peak + 1].min()
    lag = min(JUMP_STATES, peak)
    steps = distance[lag : peak + 1] - distance[: peak + 1 - lag]
    return bool(steps.max() > MIN_JUMP_SHARE * rise)
