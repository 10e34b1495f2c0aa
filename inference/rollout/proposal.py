"""The coming step before it is painted: what was wished for it, and what the painter thinks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inference.rollout.region import Region
from inference.rollout.steps import Instruction


@dataclass(frozen=True, eq=False)
class Proposal:
    """What the next step would do."""

    instruction: Instruction
    region: Region
    difference: np.ndarray
    """M_d, bool (H, W)."""


@dataclass(eq=False)
class Ideas:
    """What the painter thought about the coming step, so that asking twice costs once."""

    difference: np.ndarray | None = None
    own_instruction: Instruction | None = None
    proposal: Proposal | None = None


@dataclass(frozen=True)
class Wish:
    """What a person wants of the coming step; None leaves it to the painter. Masks: bool (H, W)."""

    instruction: str | None = None
    add_instruction: str | None = None
    mask: np.ndarray | None = field(default=None, compare=False)
    add_mask: np.ndarray | None = field(default=None, compare=False)
