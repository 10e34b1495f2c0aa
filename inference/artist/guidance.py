"""Classifier-free guidance over six nested branches; only branches with a weight are computed.

Branch k sees one condition more than branch k - 1 (paper_facts section 7)::

    0 nothing   1 + next image and reference   2 + canvas   3 + time   4 + mask   5 + text

    guided = n0 + g (n1 - n0) + gc (n2 - n1) + gt (n3 - n2) + gm (n4 - n3) + gx (n5 - n4)

Written as a weighted sum, n_k has the weight s_k - s_{k+1} (with s_0 = 1 and s_6 = 0). At the
published scales (2, 1, 5, 5, 5) the weights are -1, 1, -4, 0, 0, 5: branches 3 and 4 cancel, and
four passes give what six give. At all scales 1 only branch 5 is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from training.networks.conditions import Branch

ORDER = ("image", "canvas", "time", "mask", "text")
"""Conditions in the order in which branches add them."""

BRANCHES = (
    Branch(image=False, canvas=False, time=False, mask=False, text=False, reference=False),
    Branch(canvas=False, time=False, mask=False, text=False),
    Branch(time=False, mask=False, text=False),
    Branch(mask=False, text=False),
    Branch(text=False),
    Branch(),
)
"""The six branches in order; the reference is added together with the next image."""


@dataclass(frozen=True)
class Guidance:
    """Branches to compute and their weights; the weights add up to 1."""

    branches: tuple[Branch, ...]
    weights: tuple[float, ...]

    def combine(self, predictions: Tensor) -> Tensor:
        """Guided prediction (P, C, h, w) of branch-major rows (branches x P, C, h, w)."""
        rows = predictions.unflatten(0, (len(self.branches), -1))
        weights = torch.tensor(self.weights, device=rows.device, dtype=torch.float32)
        # In half precision a sum with weights up to 5 would lose the small differences.
        guided = torch.einsum("k,kpchw->pchw", weights, rows.float())
        return guided.to(predictions.dtype)


def guidance_of(scales: Mapping[str, float]) -> Guidance:
    """The branches that have a weight under `scales` (by condition; a missing one is 1)."""
    steps = [1.0, *(float(scales.get(name, 1.0)) for name in ORDER), 0.0]
    weights = [before - after for before, after in pairwise(steps)]
    kept = [(b, w) for b, w in zip(BRANCHES, weights, strict=True) if w != 0.0]
    return Guidance(tuple(b for b, _ in kept), tuple(w for _, w in kept))


def official_sum(predictions: Tensor, scales: Mapping[str, float]) -> Tensor:
    """The nested sum of the authors' release, over all six branches and in their own precision.

    Args:
        predictions: branch-major rows (6 x P, C, h, w).
    """
    rows = predictions.unflatten(0, (len(BRANCHES), -1))
    guided = rows[0]
    for index, name in enumerate(ORDER, start=1):
        guided = guided + float(scales.get(name, 1.0)) * (rows[index] - rows[index - 1])
    return guided
