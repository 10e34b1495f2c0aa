"""The conditions of a canvas update: which of them each batch row sees, and their features.

Legend: P paintings, R rows (branches of guidance times paintings, branch-major), H x W image size,
h x w latent size, D token width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

ABLATED = {"TE": "time", "TG": "text", "MG": "mask", "CE": "image"}
"""The condition that each ablation drops; "RN" removes a network instead."""


@dataclass(frozen=True)
class Branch:
    """The conditions that one branch of classifier-free guidance sees; the others are dropped.

    A dropped condition is zero. Dropped text is the empty instruction. A dropped reference means
    no reference tokens and no target in the canvas encoder.
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
class ConditionFlags:
    """Which conditions each of R rows sees: bool tensors (R,), named as in `Branch`."""

    image: Tensor
    canvas: Tensor
    time: Tensor
    mask: Tensor
    text: Tensor
    reference: Tensor

    @classmethod
    def of(
        cls, branches: Sequence[Branch], num_paintings: int, device: torch.device
    ) -> ConditionFlags:
        """Rows in branch-major order: branch 0 of every painting, branch 1 of every painting..."""
        flags = {
            one.name: torch.tensor([getattr(b, one.name) for b in branches], device=device)
            for one in fields(cls)
        }
        return cls(**{name: f.repeat_interleave(num_paintings) for name, f in flags.items()})

    def without(self, ablations: Sequence[str]) -> ConditionFlags:
        """The same flags, False for conditions that a preset leaves out (`presets.Ablation`)."""
        off = [ABLATED[name] for name in ablations if name in ABLATED]
        return replace(self, **dict.fromkeys(off, torch.zeros_like(self.image)))

    def to(self, device: torch.device) -> ConditionFlags:
        """The same flags on `device`."""
        return ConditionFlags(
            **{one.name: getattr(self, one.name).to(device) for one in fields(self)}
        )


@dataclass(frozen=True, eq=False)
class TargetFeatures:
    """Features of the target, computed once per painting."""

    rgb: Tensor
    """The target in [-1, 1], (P, 3, H, W)."""
    latents: Tensor
    """(P, C, h, w), scaled."""
    pooled: Tensor
    """Pooled CLIP vector, (P, width of the image tower)."""
    reference: dict[str, Tensor]
    """Tokens of the ReferenceNet by block path, each (P, tokens, width)."""
    reference_kv: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Cache of the keys and values of `reference` in the denoising UNet, by block path; filled at
    its first pass without gradients."""


@dataclass(frozen=True, eq=False)
class CanvasFeatures:
    """Features of the current canvas, computed once per canvas update; fields as in
    `TargetFeatures`."""

    rgb: Tensor
    latents: Tensor
    pooled: Tensor


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The input of every denoising step of one canvas update, besides the noisy latents; R rows."""

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
    num_without_reference: int | None = None
    """Number of leading rows without the reference, if all later rows have it; else None."""
    reference_kv: dict[str, tuple[Tensor, Tensor]] | None = None
    """`TargetFeatures.reference_kv` of the target."""
    context_kv: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Cache of keys and values of `tokens` by block path; filled at the first pass without
    gradients."""
