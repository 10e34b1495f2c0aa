"""The published loop: look, say what comes next, choose where, paint it, until it is finished.

It knows no networks. Whatever can say, choose and paint is an `Artist`: a trained painter, a
baseline, or a few lines in a test. Canvases are RGB uint8 (H, W, 3) of the target's size; padding
is the artist's own affair and never reaches a measure here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydantic import Field

from inference.region import Region, RegionConfig, choose_region, unfinished_area
from inference.stop import StopConfig, StopReason, stop_reason
from ingest.config import Config


class RolloutConfig(Config):
    """What a step stands for, and the seed of its noise."""

    interval_s: float | None = Field(default=None, gt=0, le=3600)
    """Painting time between two canvases; longer ones make larger regions (paper: 10, 20, 30).
    null takes the painter's own: what it was trained for (published: 20)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of all noise; the same seed paints the same bytes on the same machine."""


@dataclass(frozen=True)
class Instruction:
    """What to paint next, in one or two words."""

    text: str
    confidence: float | None
    """In [0, 1]; None where the artist has none."""


class Artist(Protocol):
    """Whoever paints. Its three answers are asked for once a step, in this order."""

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        """p_t: what comes next."""
        ...

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        """Probability that a pixel is painted in this step: float32 (H, W) in [0, 1].

        `difference` is M_d, bool (H, W): what is still unfinished.
        """
        ...

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        """I_t: the canvas after the step, RGB uint8 (H, W, 3)."""
        ...


class Judge(Protocol):
    """Perceptual distances between canvases; `inference.measure.Measure`."""

    def difference(self, canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
        """M_d: bool (H, W), where LPIPS is above 0.2."""
        ...

    def distance(self, first: np.ndarray, second: np.ndarray) -> float:
        """LPIPS."""
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """One update of the canvas and all that was decided for it."""

    index: int
    """From 0."""
    current: np.ndarray
    """The canvas before, RGB uint8 (H, W, 3)."""
    next: np.ndarray
    """The canvas after."""
    instruction: Instruction
    region: Region
    difference: np.ndarray
    """M_d of the canvas before: bool (H, W)."""
    interval_s: float
    change: float
    """LPIPS between the canvases before and after."""
    distance: float
    """LPIPS of the canvas after to the target."""
    stop: StopReason | None = None
    """Why the painting ends here; None while it goes on."""
    is_finish: bool = False
    """Put there by `inference.finish`, not painted by the artist."""

    @property
    def time_s(self) -> float:
        """Painting time of the canvas after this step."""
        return (self.index + 1) * self.interval_s


def white_canvas(target: np.ndarray) -> np.ndarray:
    """I_0: pure white, of the target's size."""
    return np.full_like(target, 255)


def paint(
    target: np.ndarray,
    artist: Artist,
    judge: Judge,
    interval_s: float,
    region: RegionConfig,
    stop: StopConfig,
) -> Iterator[Step]:
    """Paint `target` from a white canvas, a step at a time; the last step says why it stopped."""
    canvas, previous_mask = white_canvas(target), None
    changes: list[float] = []
    distances: list[float] = []
    reason = None
    while reason is None:
        instruction = artist.instruct(canvas, target)
        difference = judge.difference(canvas, target)
        probability = artist.locate(canvas, target, difference, instruction.text, interval_s)
        unfinished = unfinished_area(canvas, target) if region.only_unfinished else None
        chosen = choose_region(probability, previous_mask, region, unfinished)
        following = artist.render(canvas, target, chosen.mask, instruction.text, interval_s)
        changes.append(judge.distance(canvas, following))
        distances.append(judge.distance(following, target))
        reason = stop_reason(changes, distances, stop)
        yield Step(
            index=len(changes) - 1,
            current=canvas,
            next=following,
            instruction=instruction,
            region=chosen,
            difference=difference,
            interval_s=interval_s,
            change=changes[-1],
            distance=distances[-1],
            stop=reason,
        )
        canvas, previous_mask = following, chosen.mask
