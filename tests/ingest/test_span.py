"""The end of the painting span waits for touches that are too thin to be told apart."""

from __future__ import annotations

import numpy as np

from ingest.span import Span, SpanConfig, with_last_touches

STATES = np.full((10, 40, 60, 3), 120, np.uint8)
OPEN = np.zeros(10)


def test_the_end_moves_on_while_the_finished_canvas_lies_open() -> None:
    assert with_last_touches(Span(1, 4), STATES, OPEN, SpanConfig()).last == 7
    assert with_last_touches(Span(1, 8), STATES, OPEN, SpanConfig()).last == 9


def test_the_end_stays_before_another_look_and_under_a_hand() -> None:
    faded = STATES.copy()
    faded[6:] = 20
    assert with_last_touches(Span(1, 4), faded, OPEN, SpanConfig()).last == 5
    covered = np.where(np.arange(10) > 5, 0.3, 0.0)
    assert with_last_touches(Span(1, 4), STATES, covered, SpanConfig()).last == 5
