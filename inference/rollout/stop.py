"""The published stop rule: decides from LPIPS distances if a painting is finished (supplement;
paper_facts section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ingest.conventions.config import Config

StopReason = Literal["arrived", "unchanged", "max_steps"]
"""arrived: close to the target. unchanged: two updates changed nothing. max_steps: the limit."""

MIN_STEPS_BEFORE_UNCHANGED = 4
"""Number of steps from which on two small changes in a row end the painting."""


class StopConfig(Config):
    """Limits of the stop rule; distances are LPIPS (AlexNet), padding excluded."""

    max_steps: int = Field(default=50, ge=1, le=1000)
    """Number of canvas updates at most; 50 at 20 s are 16.7 minutes of painting."""
    small_change: float = Field(default=1e-3, ge=0)
    """LPIPS between neighbouring canvases; two in a row below it end the painting."""
    arrived: float = Field(default=0.1, ge=0)
    """LPIPS to the target below which the painting is finished."""


def stop_reason(
    changes: Sequence[float], to_target: Sequence[float], config: StopConfig
) -> StopReason | None:
    """Why to stop after the updates so far, or None to go on.

    Args:
        changes: LPIPS between the canvases before and after each update.
        to_target: LPIPS between the canvas after each update and the target; as many.
    """
    if not changes:
        return None
    if to_target[-1] < config.arrived or to_target[-1] == 0.0:
        return "arrived"
    enough = len(changes) >= MIN_STEPS_BEFORE_UNCHANGED
    if enough and max(changes[-2:]) < config.small_change:
        return "unchanged"
    return "max_steps" if len(changes) >= config.max_steps else None
