"""Adds an optional last step that sets the canvas to the target exactly.

A painter's autoencoder and a short training leave a small distance that no further update closes.
The step is not predicted by the networks; the session marks it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
from pydantic import Field

from inference.rollout.artist_requests import Request
from inference.rollout.region import Region
from inference.rollout.rollout import Rollout
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


class FinishingRollout(Rollout):
    """A rollout that ends with the finishing step, if its `finish` enables one. The step counts and
    can be taken back as any other."""

    finish: FinishConfig = FinishConfig()

    @property
    def is_finished(self) -> bool:
        return super().is_finished and self._finishing() is None

    def step_requests(self) -> Generator[Request, Any, Step]:
        if not super().is_finished:
            return (yield from super().step_requests())
        finish = self._finishing()
        assert finish is not None, "asked for a step of a finished painting"
        self._past.append(self._state)
        self._state = dataclasses.replace(self._state, canvas=finish.next)
        self.steps.append(finish)
        self.num_painted += 1
        return finish

    def _finishing(self) -> Step | None:
        """The finishing step, if it is still to come; where pixels are locked, its distance to the
        target is measured."""
        if not self.steps or self.steps[-1].is_finish:
            return None
        finish = finishing_step(self.steps[-1], self.target, self.finish, self.locked)
        if finish is None or self.locked is None:
            return finish
        distance = self.metric.distance(finish.next, self.target)
        return dataclasses.replace(finish, distance=distance)
