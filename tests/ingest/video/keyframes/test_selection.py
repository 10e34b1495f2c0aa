"""Which moments become keyframes."""

import numpy as np

from ingest.video.keyframes.painting_span import Span
from ingest.video.keyframes.selection import LONG_WAIT_BINS, KeyframeConfig, choose_bins
from ingest.video.occlusion.canvas_history import CanvasHistory

NUMBER, HEIGHT, WIDTH = 40, 32, 48


def _history(unsure: dict[int, float]) -> CanvasHistory:
    """Blue sky comes in bin 5, a red field in bin 30; shares of the canvas that are unsure."""
    states = np.full((NUMBER, HEIGHT, WIDTH, 3), 240, np.uint8)
    states[5:, : HEIGHT // 2] = (60, 90, 200)
    states[30:, HEIGHT // 2 :] = (200, 60, 50)
    hidden = np.zeros((NUMBER, HEIGHT, WIDTH), bool)
    for b, share in unsure.items():
        hidden[b, : round(share * HEIGHT)] = True
    bins = [np.arange(3 * b, 3 * b + 3) for b in range(NUMBER)]
    flat, never = np.full((HEIGHT, WIDTH), 13, np.float32), np.zeros((HEIGHT, WIDTH), bool)
    middles = np.array([3 * b + 1 for b in range(NUMBER)])
    return CanvasHistory(bins, states, hidden, hidden, flat, never, middles)


def _chosen(history: CanvasHistory) -> list[int]:
    found = choose_bins(history, Span(0, 30), KeyframeConfig(max_unsure=0.2))
    return [b for b, _ in found]


def test_a_keyframe_is_taken_where_its_paint_is_first_seen() -> None:
    assert _chosen(_history({})) == [0, 5, 30]


def test_a_keyframe_waits_for_a_clear_moment() -> None:
    assert _chosen(_history(dict.fromkeys(range(5, 12), 0.1))) == [0, 12, 30]


def test_a_keyframe_does_not_wait_forever() -> None:
    hidden = dict.fromkeys(range(5, 5 + LONG_WAIT_BINS), 0.1) | {6: 0.07}
    assert _chosen(_history(hidden)) == [0, 6, 30]


def test_what_is_too_unsure_is_no_keyframe() -> None:
    assert _chosen(_history(dict.fromkeys(range(5, 25), 0.5))) == [0, 25, 30]
