"""Adds an optional last step that sets the canvas to the target exactly.

A painter's autoencoder and a short training leave a small distance that no further update closes.
The step is not predicted by the networks; the session marks it.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from inference.rollout.region import Region
from inference.rollout.steps import Instruction, Step
from ingest.conventions.config import Config


class FinishConfig(Config):
    """Settings of the finishing step."""

    enabled: bool = True
    """Add the step; the session marks it, so that it is not counted as the painter's."""
    visible_change: int = Field(default=6, ge=0, le=255)
    """A pixel belongs to the step's region where its largest channel changes by more than this."""


def finishing_step(
    last: Step, target: np.ndarray, config: FinishConfig, locked: np.ndarray | None = None
) -> Step | None:
    """The step from the last painted canvas to the target; None if they are equal or the step is
    disabled.

    Args:
        locked: bool (H, W), pixels that stay as they are to the end; None for none.
    """
    if locked is not None:
        target = np.where(locked[..., None], last.next, target)
    if not config.enabled or np.array_equal(last.next, target):
        return None
    change = np.abs(last.next.astype(np.int16) - target).max(axis=2)
    mask = change > config.visible_change
    return Step(
        index=last.index + 1,
        current=last.next,
        next=target,
        instruction=Instruction("details", None),
        region=Region(mask, 0.0),
        difference=mask,
        interval_s=last.interval_s,
        change=last.distance,
        distance=0.0,
        stop=last.stop,
        is_finish=True,
    )
