"""What a canvas update is, who makes it and who measures it: the words of the rollout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from inference.rollout.region import Region
from inference.rollout.stop import StopReason
from ingest.conventions.config import Config


class RolloutConfig(Config):
    """What a step stands for, and the seed of its noise."""

    interval_s: float | None = Field(default=None, gt=0, le=3600)
    """Painting time between two canvases; longer ones make larger regions (paper: 10, 20, 30).
    null takes the painter's own: what it was trained for (published: 20)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of all noise; the same seed paints the same bytes on the same machine."""
    canvas: str = ""
    """A picture of the canvas to start from: the real first frame, or one that somebody has half
    finished; scaled to the target's size. Empty for white."""
    script: str = ""
    """A file of wishes, locked regions and rewinds to follow (docs/inference.md, steering)."""


@dataclass(frozen=True)
class Instruction:
    """What to paint next, in one or two words."""

    text: str
    confidence: float | None
    """In [0, 1]; None where the artist has none."""


class Artist(Protocol):
    """Whoever paints. Its three answers are asked for once a step, in this order.

    Inherit from it: an artist that remembers nothing between steps needs no other method.
    """

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
        index: int,
    ) -> np.ndarray:
        """I_t: the canvas after the step, RGB uint8 (H, W, 3); `index` counts steps from 0."""
        ...

    def carry_over(self, painted: np.ndarray) -> np.ndarray:
        """The canvas that the next step starts from; the release cuts and scales it once more."""
        return painted

    def snapshot(self) -> Any:
        """All that the artist remembers from the steps before."""
        return None

    def restore(self, state: Any) -> None:
        """Go on from a `snapshot`, as often as is asked."""

    def twin(self) -> Artist:
        """Another artist of the same networks that paints independently from here."""
        return self


class Judge(Protocol):
    """Perceptual distances between canvases; `inference.rollout.measure.Measure`."""

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
    """Put there by `inference.rollout.finish`, not painted by the artist."""

    @property
    def time_s(self) -> float:
        """Painting time of the canvas after this step."""
        return (self.index + 1) * self.interval_s
