"""Data and protocols of the rollout: the step, the `Artist` that makes it, the `CanvasMetric`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from inference.rollout.region import Region
from inference.rollout.stop import StopReason
from inference.strokes.brushwork import Pass
from ingest.conventions.config import Config
from ingest.conventions.errors import UserError


class RolloutConfig(Config):
    """Interval of a step, seed, first canvas and steering script."""

    interval_s: float | None = Field(default=None, gt=0, le=3600)
    """Painting time between two canvases; longer ones make larger regions (paper: 10, 20, 30).
    null takes the painter's own: what it was trained for (published: 20)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of all noise; the same seed paints the same bytes on the same machine."""
    canvas: str = ""
    """Picture file of the first canvas: the real first frame, or a half-finished painting; scaled
    to the target's size. Empty for white."""
    script: str = ""
    """JSON file of steering actions to follow (docs/inference.md, steering)."""
    say: tuple[str, ...] = ()
    """Words for the first steps, one a step; in an order for strokes the things that are painted
    first."""
    lock: str = ""
    """Picture file of what stays as it is from the first canvas to the last; white marks."""
    mask: str = ""
    """Picture file of what is painted in the first step; white marks."""


@dataclass(frozen=True)
class Instruction:
    """What to paint next, in one or two words."""

    text: str
    confidence: float | None
    """Confidence in [0, 1]; None if the artist has none."""


class Artist(Protocol):
    """Predicts instruction, region and next canvas; each method is called once per step, in this
    order.

    Inherit from it: an artist without state between steps needs the first three methods only.
    """

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        """p_t: the next instruction."""
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

        `difference` is M_d, bool (H, W): pixels that are still unfinished.
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

    def has_words(self) -> bool:
        """Whether `instruct` can say what comes next; without, a person gives every word."""
        return True

    def places_word(self, word: str) -> bool:
        """Whether a word that a person gives is sure to decide the region. False: the rollout
        measures if the word moves it.

        Raises:
            UserError: the artist cannot paint that word on request.
        """
        return False

    def has_finished(self) -> bool:
        """Whether nothing is left to paint after the last `render`, whatever the distance says:
        what is locked or was there before may differ from the picture."""
        return False

    def carry_over(self, painted: np.ndarray) -> np.ndarray:
        """The canvas that the next step starts from; the release crops and scales it again."""
        return painted

    def strokes(self) -> Sequence[Pass]:
        """The strokes of the last `render`; none of artists that do not paint with strokes."""
        return ()

    def lock(self, locked: np.ndarray | None) -> None:
        """Told when locks change: bool (H, W), pixels that no step will change; None for none."""

    def snapshot(self) -> Any:
        """The artist's state between steps."""
        return None

    def restore(self, state: Any) -> None:
        """Set the state to a `snapshot`; a snapshot can be restored many times."""

    def fork(self) -> Artist:
        """A copy with the same networks and an independent state."""
        return self


class CanvasMetric(Protocol):
    """Perceptual distances between canvases, as by `inference.rollout.lpips_metric.LpipsMetric`."""

    def difference(self, canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
        """M_d: bool (H, W), True where LPIPS is above 0.2."""
        ...

    def distance(self, first: np.ndarray, second: np.ndarray) -> float:
        """LPIPS."""
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """One canvas update with its instruction, region and distances."""

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
    strokes: Sequence[Pass] = ()
    """The strokes that the artist laid, if it paints with strokes."""
    note: str = ""
    """What a person who steers should know: a word that did not move the region. Else empty."""
    is_finish: bool = False
    """True for the step of `inference.rollout.finish`, which the artist did not paint."""

    @property
    def time_s(self) -> float:
        """Painting time of the canvas after this step."""
        return (self.index + 1) * self.interval_s


def check_finite(values: np.ndarray | float, activity: str) -> None:
    """Raises UserError if a value of an artist or metric is infinite or not a number; `activity`
    says what was done ("choosing where to paint")."""
    if not np.isfinite(values).all():
        raise UserError(
            f"{activity} gave values that are not finite, expected numbers only: the networks "
            "overflow in this number format (use --dtype float32 or bfloat16) or are damaged"
        )
