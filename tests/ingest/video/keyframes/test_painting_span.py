"""The span starts and ends in states with a clear view, and includes thin last touches."""

from __future__ import annotations

import numpy as np

from ingest.video.keyframes.painting_span import (
    MAX_LATER_STATES,
    Span,
    SpanConfig,
    with_earlier_start,
    with_later_end,
)

STATES = np.full((10, 40, 60, 3), 120, np.uint8)
CLEAR = np.zeros(10)


def test_the_end_moves_on_while_the_finished_canvas_is_in_clear_view() -> None:
    assert with_later_end(Span(1, 3), STATES, CLEAR, SpanConfig()).last == 3 + MAX_LATER_STATES
    assert with_later_end(Span(1, 8), STATES, CLEAR, SpanConfig()).last == 9


def test_the_end_stays_before_a_change_and_before_a_hand() -> None:
    faded = STATES.copy()
    faded[6:] = 20
    assert with_later_end(Span(1, 4), faded, CLEAR, SpanConfig()).last == 5
    occluded = np.where(np.arange(10) > 5, 0.3, 0.0)
    assert with_later_end(Span(1, 4), STATES, occluded, SpanConfig()).last == 5


def test_the_start_moves_back_to_where_the_blank_canvas_is_in_clear_view() -> None:
    unsure = np.array([0, 0, 0, 0.02, 0.03, 0.2, 0, 0, 0, 0])
    assert with_earlier_start(Span(4, 9), STATES, unsure, SpanConfig()).first == 2
    assert with_earlier_start(Span(2, 9), STATES, unsure, SpanConfig()).first == 2
    assert with_earlier_start(Span(4, 9), STATES, unsure + 0.1, SpanConfig()).first == 2


def test_the_start_stays_behind_what_was_shown_before() -> None:
    shown = STATES.copy()
    shown[:3] = 20
    unsure = np.array([0, 0, 0, 0.02, 0.03, 0.2, 0, 0, 0, 0])
    assert with_earlier_start(Span(4, 9), shown, unsure, SpanConfig()).first == 3
