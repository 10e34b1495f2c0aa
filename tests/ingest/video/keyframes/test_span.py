"""The end of the painting span waits for touches that are too thin to be told apart."""

from __future__ import annotations

import numpy as np

from ingest.video.keyframes.span import (
    LAST_TOUCHES,
    Span,
    SpanConfig,
    with_clear_start,
    with_last_touches,
)

STATES = np.full((10, 40, 60, 3), 120, np.uint8)
OPEN = np.zeros(10)


def test_the_end_moves_on_while_the_finished_canvas_lies_open() -> None:
    assert with_last_touches(Span(1, 3), STATES, OPEN, SpanConfig()).last == 3 + LAST_TOUCHES
    assert with_last_touches(Span(1, 8), STATES, OPEN, SpanConfig()).last == 9


def test_the_end_stays_before_another_look_and_under_a_hand() -> None:
    faded = STATES.copy()
    faded[6:] = 20
    assert with_last_touches(Span(1, 4), faded, OPEN, SpanConfig()).last == 5
    covered = np.where(np.arange(10) > 5, 0.3, 0.0)
    assert with_last_touches(Span(1, 4), STATES, covered, SpanConfig()).last == 5


def test_the_start_moves_back_to_where_the_bare_canvas_lies_open() -> None:
    unsure = np.array([0, 0, 0, 0.02, 0.03, 0.2, 0, 0, 0, 0])
    assert with_clear_start(Span(4, 9), STATES, unsure, SpanConfig()).first == 2
    assert with_clear_start(Span(2, 9), STATES, unsure, SpanConfig()).first == 2
    assert with_clear_start(Span(4, 9), STATES, unsure + 0.1, SpanConfig()).first == 2


def test_the_start_stays_behind_what_was_shown_before() -> None:
    shown = STATES.copy()
    shown[:3] = 20
    unsure = np.array([0, 0, 0, 0.02, 0.03, 0.2, 0, 0, 0, 0])
    assert with_clear_start(Span(4, 9), shown, unsure, SpanConfig()).first == 3
