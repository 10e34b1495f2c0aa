"""The state of a rollout between steps: canvas and history, proposal and overrides of the next
step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inference.rollout.region import Region
from inference.rollout.steps import Instruction
from inference.rollout.stop import StopReason


@dataclass(frozen=True, eq=False)
class RolloutState:
    """Everything that the next step depends on; rewinding restores an earlier state."""

    canvas: np.ndarray
    previous_mask: np.ndarray | None
    """Region of the step before, bool (H, W)."""
    changes: tuple[float, ...]
    """LPIPS between the canvases before and after each step."""
    distances: tuple[float, ...]
    """LPIPS between the canvas after each step and the target."""
    reason: StopReason | None
    """Why the painting has ended; None while it continues."""
    artist: object
    """The artist's `snapshot`."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """What the next step will paint."""

    instruction: Instruction
    region: Region
    difference: np.ndarray
    """M_d, bool (H, W)."""


@dataclass(eq=False)
class ProposalCache:
    """Cached results for the next step, so that a repeated `Rollout.propose` costs nothing."""

    difference: np.ndarray | None = None
    own_instruction: Instruction | None = None
    proposal: Proposal | None = None


@dataclass(frozen=True)
class StepOverrides:
    """A person's choices for the next step; None leaves it to the painter. Masks: bool (H, W)."""

    instruction: str | None = None
    add_instruction: str | None = None
    mask: np.ndarray | None = field(default=None, compare=False)
    add_mask: np.ndarray | None = field(default=None, compare=False)
