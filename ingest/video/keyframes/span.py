"""When the painting happens: without the finished picture shown first, idle start and idle end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.colour_distance import change, detail, painted_area, pyramid

INTRO_DETAIL, EMPTIER = 0.05, 0.25
"""Least detail of another picture shown first, and how much emptier the canvas is after it."""
LAST_TOUCHES, MOST_COVERED = 5, 0.02
"""States after the last visible change in which the painter may still touch the canvas; and the
share of it that may be covered in the one that is taken."""
FIRST_VIEWS = 4
"""States before the first paint was seen, in which the canvas may be seen better."""


class SpanConfig(Config):
    """How the painting span is found."""

    min_change: float = Field(default=0.004, gt=0)
    """Share of the canvas that must look different for something to have been painted."""
    min_detail: float = Field(default=0.0008, gt=0)
    """Share of the canvas that must differ plainly for a last detail to count as painted."""
    intro_share: float = Field(default=0.35, ge=0, lt=1)
    """An intro ends within this share of the video."""
    intro_jump: float = Field(default=0.5, gt=0, lt=1)
    """An intro is a start that is so much nearer to the final picture (or fuller of detail) than
    what follows it: 0.5 means at most half the distance."""


@dataclass(frozen=True)
class Span:
    """First and last state of the painting, and why the start was moved, if it was."""

    first: int
    last: int
    intro: str = ""


def find_span(states: np.ndarray, config: SpanConfig) -> Span | None:
    """The span of the painting in clean states RGB uint8 (b, h, w, 3); None if nothing changes."""
    looks = [pyramid(state) for state in states]
    intro, why = _intro_end(states, looks, config)
    last = len(states) - 1
    while last > intro and not _is_painted(looks[last - 1], looks[-1], config):
        last -= 1
    first = intro
    while first < last and change(looks[first + 1], looks[intro]) < config.min_change:
        first += 1
    if first >= last and change(looks[intro], looks[-1]) < config.min_change:
        return None
    return Span(first, last, why)


def with_last_touches(
    span: Span, states: np.ndarray, covered: np.ndarray, config: SpanConfig
) -> Span:
    """The span with its end a little later, where the canvas lies open and looks the same.

    A signature is thinner than what is told apart at the size of states; it comes right before the
    painter is done, so the finished picture is one that was seen a little after the last paint.

    Args:
        states: RGB uint8 (b, h, w, 3); covered: share of the canvas that is covered (b,).
    """
    last, end = span.last, pyramid(states[span.last])
    for b in range(span.last + 1, min(span.last + LAST_TOUCHES, len(states) - 1) + 1):
        if change(pyramid(states[b]), end) >= config.min_change:
            break
        if covered[b] <= max(MOST_COVERED, covered[last]):
            last = b
    return replace(span, last=last)


def with_clear_start(
    span: Span, states: np.ndarray, unsure: np.ndarray, config: SpanConfig
) -> Span:
    """The span with its start a little earlier, where the untouched canvas lies open.

    The last look at it is often one under the hand that paints already.

    Args:
        states: RGB uint8 (b, h, w, 3); unsure: share of the canvas that may have changed unseen
            (b,).
    """
    start, earlier = pyramid(states[span.first]), [span.first]
    for b in range(span.first - 1, max(-1, span.first - FIRST_VIEWS - 1), -1):
        if change(pyramid(states[b]), start) >= config.min_change:
            break
        earlier.append(b)
    clear = [b for b in earlier if unsure[b] < config.min_change]
    first = clear[0] if clear else min(earlier, key=lambda b: (unsure[b], -b))
    return replace(span, first=first)


def _is_painted(before: list[np.ndarray], after: list[np.ndarray], config: SpanConfig) -> bool:
    if change(before, after) >= config.min_change:
        return True
    return painted_area(before, after) >= config.min_detail


def _intro_end(
    states: np.ndarray, looks: list[list[np.ndarray]], config: SpanConfig
) -> tuple[int, str]:
    """First state after an intro (0 without one).

    A painting moves away from the blank canvas and towards its end. A start that is much nearer to
    the end than what follows is the finished picture shown first; one with much more structure
    than what follows is some other picture.
    """
    reach = max(1, round(config.intro_share * len(states)))
    distance = np.array([change(look, looks[-1]) for look in looks[: reach + 1]])
    farthest = int(np.argmax(distance))
    nearest = float(distance[: farthest + 1].min())
    is_nearer = nearest < config.intro_jump * distance[farthest]
    if farthest and is_nearer and _is_jump(distance, farthest):
        return farthest, "the finished picture is shown first"
    structure = np.array([detail(state) for state in states[: reach + 1]])
    emptiest = len(structure) - 1 - int(np.argmin(structure[::-1]))
    fullest = structure[: emptiest + 1].max()
    if fullest > INTRO_DETAIL and structure[emptiest] < EMPTIER * fullest:
        return emptiest, "another picture is shown first"
    return 0, ""


def _is_jump(distance: np.ndarray, peak: int) -> bool:
    """Whether most of the rise up to the peak happens within two steps: painters are slower."""
    rise = distance[peak] - distance[: peak + 1].min()
    steps = distance[min(2, peak) : peak + 1] - distance[: peak + 1 - min(2, peak)]
    return bool(steps.max() > 0.7 * rise)
