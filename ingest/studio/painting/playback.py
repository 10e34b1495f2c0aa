"""Plays a plan back: the canvas at any time, the finished painting, or the steps one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ingest.studio.painting.formats import Subject
from ingest.studio.painting.planner import Plan, plan_painting
from ingest.studio.painting.timeline import Timeline, make_timeline
from ingest.studio.strokes.canvas import PaintedCanvas


class Playback:
    """Plays a plan forward in time, including the first part of the stroke in progress."""

    def __init__(
        self,
        plan: Plan,
        timeline: Timeline,
        size_px: tuple[int, int],
        step_done: Callable[[int, PaintedCanvas], None] | None = None,
    ) -> None:
        """`size_px` is (width, height) of the canvas; `step_done` is called with a step's index and
        the canvas right after the step's last stroke; it must not change the canvas."""
        self.timeline = timeline
        self.strokes = [stroke for step in plan.steps for stroke in step.strokes]
        self.canvas = plan.canvas(*size_px)
        self.num_done = 0
        self._step_done = step_done
        self._step_ends = np.cumsum([len(step.strokes) for step in plan.steps])
        self._undo: tuple | None = None

    def advance(self, time_s: float) -> np.ndarray:
        """The canvas at `time_s`, RGB uint8 (H, W, 3); a view that the next call changes.

        Raises:
            ValueError: `time_s` is before strokes that are painted already.
        """
        if self._undo is not None:
            self.canvas.restore(*self._undo)
            self._undo = None
        done = self.timeline.num_done(time_s)
        if done < self.num_done:
            raise ValueError(f"time went back to {time_s} s: a performance only plays forward")
        for index in range(self.num_done, done):
            self.canvas.apply(self.strokes[index])
            step = int(np.searchsorted(self._step_ends, index + 1))
            if self._step_ends[step] == index + 1:
                if self._step_done is not None:
                    self._step_done(step, self.canvas)
                self.canvas.clear_region()
        self.num_done = done
        if done < len(self.strokes) and self.timeline.start_s[done] < time_s:
            self._begin(done, time_s)
        return self.canvas.picture()

    def _begin(self, index: int, time_s: float) -> None:
        """Paint the first part of a stroke; the next `advance` undoes it."""
        start, end = self.timeline.start_s[index], self.timeline.end_s[index]
        box = self.canvas.window_of(self.strokes[index])
        if box is not None:
            self._undo = (box, self.canvas.save(box))
            self.canvas.apply(self.strokes[index], float((time_s - start) / (end - start)))


def paint_picture(
    seed: int, size_px: tuple[int, int], subject: Subject = "landscape"
) -> np.ndarray:
    """The finished painting of a seed.

    Args:
        size_px: (width, height); any size of at least 16 x 16.
        subject: landscape, portrait or still_life.

    Returns:
        RGB uint8 (height, width, 3).
    """
    return paint_plan(plan_painting(seed, size_px[0] / size_px[1], subject), size_px)


def paint_plan(plan: Plan, size_px: tuple[int, int]) -> np.ndarray:
    """The finished picture of a plan, RGB uint8 (H, W, 3); `size_px` is (width, height)."""
    canvas = plan.canvas(*size_px)
    for step in plan.steps:
        for stroke in step.strokes:
            canvas.apply(stroke)
    return canvas.picture().copy()


def paint_steps(
    seed: int, size_px: tuple[int, int], seconds: float = 600.0
) -> Iterator[tuple[str, np.ndarray, float]]:
    """The painting of a seed step by step, without filming.

    Args:
        size_px: (width, height).
        seconds: time from the first touch of the brush to the last.

    Yields:
        The word, the canvas after the step as RGB uint8 (height, width, 3), and its time in seconds
        from the first touch.
    """
    plan = plan_painting(seed, size_px[0] / size_px[1])
    timeline = make_timeline(plan, 0.0, seconds)
    canvas = plan.canvas(*size_px)
    done = 0
    for step in plan.steps:
        for stroke in step.strokes:
            canvas.apply(stroke)
        done += len(step.strokes)
        yield step.word, canvas.picture().copy(), float(timeline.end_s[done - 1])
