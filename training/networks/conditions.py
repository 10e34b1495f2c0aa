"""Which conditions a row of a batch sees, and what the networks computed from them.

Legend: P paintings, R rows (branches of guidance times paintings, branch-major), H x W image size,
h x w latent size, D token width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

ABLATED = {"TE": "time", "TG": "text", "MG": "mask", "CE": "image"}
"""Conditions that an ablation drops; "RN" changes the networks instead."""


@dataclass(frozen=True)
class Branch:
    """One row of classifier-free guidance: the conditions that it sees; the rest is dropped.

    Dropped means zeros; for text it means the empty instruction; for the reference, no reference
    tokens at all (and no target in the canvas encoder).
    """

    image: bool = True
    """The next-image token (g_c)."""
    canvas: bool = True
    """The current canvas (g_f)."""
    time: bool = True
    """The time token (g_t)."""
    mask: bool = True
    """The region mask M_t (g_f)."""
    text: bool = True
    """The instruction p_t."""
    reference: bool = True
    """The target through the ReferenceNet (g_r)."""


@dataclass(frozen=True, eq=False)
class Keep:
    """The same choice for R rows: bool tensors (R,), named as in `Branch`."""

    image: Tensor
    canvas: Tensor
    time: Tensor
    mask: Tensor
    text: Tensor
    reference: Tensor

    @classmethod
    def of(cls, branches: Sequence[Branch], num_paintings: int, device: torch.device) -> Keep:
        """Rows in branch-major order: branch 0 of every painting, branch 1 of every painting..."""
        flags = {
            one.name: torch.tensor([getattr(b, one.name) for b in branches], device=device)
            for one in fields(cls)
        }
        return cls(**{name: f.repeat_interleave(num_paintings) for name, f in flags.items()})

    def without(self, ablations: Sequence[str]) -> Keep:
        """The same flags, off for conditions that a preset leaves out (`presets.Ablation`)."""
        off = [ABLATED[name] for name in ablations if name in ABLATED]
        return replace(self, **dict.fromkeys(off, torch.zeros_like(self.image)))

    def to(self, device: torch.device) -> Keep:
        """The same flags on `device`."""
        return Keep(**{one.name: getattr(self, one.name).to(device) for one in fields(self)})


@dataclass(frozen=True, eq=False)
class TargetFeatures:
    """What is computed once a painting from the target."""

    rgb: Tensor
    """The target in [-1, 1], (P, 3, H, W)."""
    latents: Tensor
    """(P, C, h, w), scaled."""
    pooled: Tensor
    """Pooled CLIP vector, (P, width of the image tower)."""
    reference: dict[str, Tensor]
    """Tokens that the ReferenceNet stored, by block path, each (P, tokens, width)."""
    projected: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Their keys and values in the denoising UNet, filled at its first pass without gradients."""


@dataclass(frozen=True, eq=False)
class CanvasFeatures:
    """What is computed once a canvas update from the current canvas; fields as in
    `TargetFeatures`."""

    rgb: Tensor
    latents: Tensor
    pooled: Tensor


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Everything that one canvas update gives to each denoising step, R rows."""

    tokens: Tensor
    """Cross attention: image, time and text tokens, (R, 2 + text tokens, D)."""
    canvas_feature: Tensor
    """Output of the canvas encoder, (R, first UNet width, h, w)."""
    canvas_latents: Tensor
    """(R, C, h, w), zero where the canvas was dropped."""
    target_latents: Tensor
    """(R, C, h, w), zero where the reference was dropped."""
    region: Tensor
    """Where the canvas may change, (R, 1, h, w) in [0, 1]: the mask, or 1 where it was dropped."""
    reference: dict[str, Tensor]
    """Reference tokens by block path, (P, tokens, width)."""
    reference_rows: Tensor | None
    """bool (R,): rows that see the reference; None for all."""
    num_alone: int | None = None
    """The first so many rows do not see it and all others do; None where rows are mixed."""
    projected: dict[str, tuple[Tensor, Tensor]] | None = None
    """`TargetFeatures.projected` of this painting."""
    context: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Keys and values of `tokens` by block path, filled at the first pass without gradients."""
