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


PUBLISHED = {"max_steps": 50, "small_change": 1e-3, "arrived": 0.1}
"""The published limits."""


class StopConfig(Config):
    """Limits of the stop rule; distances are LPIPS (AlexNet), padding excluded."""

    max_steps: int | None = Field(default=None, ge=1, le=1000)
    """Number of canvas updates at most; 50 at 20 s are 16.7 minutes of painting. null: 50; with
    strokes as many as the plan has."""
    small_change: float | None = Field(default=None, ge=0)
    """LPIPS between neighbouring canvases; two in a row below it end the painting. null: 0.001;
    with strokes 1e-9."""
    arrived: float | None = Field(default=None, ge=0)
    """LPIPS to the target below which the painting is finished. null: 0.1; with strokes only the
    picture itself."""


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
    limits = {**PUBLISHED, **config.model_dump(exclude_none=True)}
    if to_target[-1] < limits["arrived"] or to_target[-1] == 0.0:
        return "arrived"
    enough = len(changes) >= MIN_STEPS_BEFORE_UNCHANGED
    if enough and max(changes[-2:]) < limits["small_change"]:
        return "unchanged"
    return "max_steps" if len(changes) >= limits["max_steps"] else None
