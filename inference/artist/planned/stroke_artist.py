"""Paints a plan with strokes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from inference.artist.planned.plan import UNNAMED, PaintingPlan
from inference.artist.planned.schedule import NOTHING, NextStep, Schedule
from inference.rollout.steps import Artist, Instruction
from inference.strokes.brushwork import Area, Brushwork, Pass, Patch
from inference.strokes.medium import NUM_LEVELS, Medium
from inference.strokes.underdrawing import underdrawing

DRAWING_WORD = "drawing"
"""Instruction of the step that draws before anything is painted."""
CLOSE_LEVELS = 8.0
"""A place of a first canvas that differs by less than this from the picture is painted already."""


@dataclass(frozen=True, eq=False)
class ArtistState:
    """What the artist remembers between steps."""

    levels: np.ndarray
    """uint8 (H, W): the level of finish of every pixel."""
    is_drawn: bool
    """Whether the underdrawing is there, or none is wanted."""


class StrokeArtist(Artist):
    """Paints the layers of a plan in order, in each step as much as its interval allows.

    Every pixel of a step's region goes up one level of finish, in the colours of its own region.
    """

    def __init__(
        self,
        picture: np.ndarray,
        plan: PaintingPlan,
        medium: Medium,
        total_s: float,
        seed: int,
        ground: np.ndarray,
        with_drawing: bool,
        first_canvas: np.ndarray | None = None,
    ) -> None:
        """
        Args:
            picture: RGB uint8 (H, W, 3).
            total_s: painting time of the whole plan.
            ground: RGB of the blank canvas, (3,) in [0, 255].
            with_drawing: draw the large forms first.
            first_canvas: RGB uint8 (H, W, 3) to go on from; None for a blank one.
        """
        self.plan, self.total_s, self.seed = plan, total_s, seed
        self.schedule = Schedule(plan, seed)
        self.brushwork = Brushwork(picture, medium, ground, seed)
        self._laid: list[Pass] = []
        levels = np.zeros(picture.shape[:2], np.uint8)
        if first_canvas is not None:
            error = np.abs(first_canvas.astype(np.float32) - picture).max(axis=2)
            levels[~self.brushwork.is_bare(first_canvas)] = 1
            # Single pixels that happen to have the picture's colour are not painted yet.
            levels[cv2.medianBlur((error < CLOSE_LEVELS).astype(np.uint8), 5) > 0] = NUM_LEVELS
        self._state = ArtistState(levels, not with_drawing or first_canvas is not None)
        self._next: NextStep | None = None
        self._locked: np.ndarray | None = None

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        if not self._state.is_drawn:
            return Instruction(DRAWING_WORD, None)
        layers = self.schedule.pending_layers(self._open_levels())
        word = self.plan.words[layers[0].region] if layers else UNNAMED
        return Instruction(word, None)

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        if self._draws(instruction):
            drawn = np.full_like(target, 255)
            _lay_all(self._lines(target, np.ones(target.shape[:2], bool)), drawn, target)
            return (drawn.min(axis=2) < 255).astype(np.float32)
        num_steps = self.total_s / interval_s
        self._next = self.schedule.next_step(self._open_levels(), num_steps, instruction)
        return (self._next.mask | (self._next.hidden != NOTHING)).astype(np.float32)

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        painted = canvas.copy()
        if self._draws(instruction):
            lines = self._lines(target, mask)
            _lay_all(lines, painted, target)
            self._laid = [lines]
            self._state = ArtistState(self._state.levels, True)
            return painted
        levels = self._state.levels
        step = self._next or _no_step(mask.shape)
        hidden = np.where(mask & (levels == 0), step.hidden, np.int16(NOTHING))
        own = mask & (hidden == NOTHING)
        self._laid = []
        for region in self.plan.order:
            self._laid += self._paint_region(painted, region, own, hidden, step.run_out, index)
        reached = np.where(own, np.minimum(levels + 1, NUM_LEVELS), levels).astype(np.uint8)
        self._state, self._next = ArtistState(reached, True), None
        return painted

    def strokes(self) -> Sequence[Pass]:
        return self._laid

    def places_word(self, word: str) -> bool:
        if word not in (DRAWING_WORD, UNNAMED):
            self.plan.looking_like(word)
        return True

    def has_finished(self) -> bool:
        return self._state.is_drawn and not self.schedule.pending_layers(self._open_levels())

    def lock(self, locked: np.ndarray | None) -> None:
        self._locked = locked

    def snapshot(self) -> Any:
        return self._state

    def restore(self, state: Any) -> None:
        self._state, self._next = state, None

    def fork(self) -> StrokeArtist:
        return copy.copy(self)

    def _paint_region(
        self,
        canvas: np.ndarray,
        region: int,
        own: np.ndarray,
        hidden: np.ndarray,
        run_out: np.ndarray,
        index: int,
    ) -> list[Pass]:
        """Bring the pixels of one region that are in `own` up one level, each from where it is."""
        laid: list[Pass] = []
        whole = self.plan.regions.mask(region)
        for level in range(NUM_LEVELS):
            place = centres = own & whole & (self._state.levels == level)
            if level == 0:
                place = place | (hidden == region)
                centres = place & ~run_out
            patch = Patch(whole, place, centres, level + 1, (index, region))
            laid += self.brushwork.paint(canvas, patch)
        return laid

    def _open_levels(self) -> np.ndarray:
        """The level of every pixel for the plan: what is locked needs no more paint."""
        if self._locked is None:
            return self._state.levels
        return np.where(self._locked, np.uint8(NUM_LEVELS), self._state.levels)

    def _draws(self, instruction: str) -> bool:
        return not self._state.is_drawn and instruction == DRAWING_WORD

    def _lines(self, target: np.ndarray, mask: np.ndarray) -> Pass:
        everything = (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
        area = Area(everything, mask.astype(np.uint8) * 255)
        return Pass(underdrawing(target, self.seed), area, "graphite")


def _lay_all(laid: Pass, canvas: np.ndarray, picture: np.ndarray) -> None:
    for _ in laid.draw(canvas, picture):
        pass


def _no_step(shape: tuple[int, ...]) -> NextStep:
    nothing = np.zeros(shape, bool)
    return NextStep(nothing, np.full(shape, NOTHING, np.int16), nothing)
