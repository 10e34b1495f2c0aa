"""The state of a rollout between steps: canvas and history, proposal and overrides of the next
step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inference.rollout.region import Region, overlap
from inference.rollout.steps import Instruction
from inference.rollout.stop import StopReason
from ingest.conventions.errors import UserError

UNMOVED_OVERLAP = 0.9
"""Intersection over union of the regions by two words from which on the word has not moved the
region."""


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
    note: str = ""
    """What a person who steers should know; empty for nothing."""


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


def unmoved_note(word: str, region: np.ndarray, unsteered: np.ndarray | None) -> str:
    """Says that a word did not move the region, or nothing.

    Args:
        region: bool (H, W), chosen by `word`.
        unsteered: bool (H, W), chosen by the artist's own word; None if it was not computed.
    """
    if unsteered is None or overlap(region, unsteered) < UNMOVED_OVERLAP:
        return ""
    return (
        f"the word {word!r} does not move the region ({overlap(region, unsteered):.0%} of the "
        "painter's own): give a mask to say where"
    )


def fitting_mask(mask: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The mask as bool (H, W).

    Raises:
        UserError: it has another size than the target (H, W, 3).
    """
    mask = np.asarray(mask)
    if mask.shape != target.shape[:2]:
        raise UserError(
            f"a mask of {mask.shape} does not fit the canvas of {target.shape[:2]}: give a bool "
            "array (height, width)"
        )
    return mask.astype(bool)
