"""Playing plans back: any size, any time step, and the timeline."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.studio.painting.planner import plan_painting
from ingest.studio.painting.playback import Playback, paint_picture, paint_steps
from ingest.studio.painting.timeline import make_timeline


@pytest.mark.parametrize("size_px", [(120, 96), (72, 128), (64, 64)])
def test_any_size_is_painted_all_over(size_px: tuple[int, int]) -> None:
    picture = paint_picture(3, size_px)
    assert picture.shape == (size_px[1], size_px[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20


def test_a_painting_is_the_same_at_any_size() -> None:
    small, large = paint_picture(5, (120, 96)), paint_picture(5, (240, 192))
    shrunk = cv2.resize(large, (120, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(float) - shrunk).mean() < 8


def test_steps_end_in_the_picture_and_time_grows() -> None:
    steps = list(paint_steps(6, (100, 80), seconds=300))
    assert np.array_equal(steps[-1][1], paint_picture(6, (100, 80)))
    times = [time_s for _, _, time_s in steps]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(300)


def test_playing_in_small_steps_ends_in_the_same_picture() -> None:
    plan = plan_painting(6, 1.25)
    timeline = make_timeline(plan, 1.0, 11.0)
    playback = Playback(plan, timeline, (100, 80))
    for time_s in np.arange(0, 12.1, 0.37):
        playback.advance(float(time_s))
    assert np.array_equal(playback.advance(13.0), paint_picture(6, (100, 80)))


def test_time_never_goes_back() -> None:
    plan = plan_painting(6, 1.25)
    playback = Playback(plan, make_timeline(plan, 0.0, 10.0), (100, 80))
    playback.advance(6.0)
    with pytest.raises(ValueError, match="time went back"):
        playback.advance(2.0)


@pytest.mark.parametrize("span_s", [4.0, 30.0, 600.0])
def test_timeline_fills_its_span_in_order(span_s: float) -> None:
    plan = plan_painting(6, 1.25)
    timeline = make_timeline(plan, 2.0, 2.0 + span_s)
    assert timeline.span_s == pytest.approx((2.0, 2.0 + span_s))
    assert np.all(timeline.end_s > timeline.start_s)
    assert np.all(timeline.start_s[1:] >= timeline.end_s[:-1])
    assert np.all(np.diff(timeline.keys_s) >= 0)


def test_the_hand_leaves_the_canvas_between_steps() -> None:
    plan = plan_painting(6, 1.25)
    timeline = make_timeline(plan, 0.0, 60.0)
    assert len(timeline.away) >= len(plan.steps) - 1
    for start, end in timeline.away:
        x, y = timeline.tip((start + end) / 2)
        assert x > plan.scene.width
        assert y > plan.scene.height
