"""Initialises a CLIP vision tower so that its first layer compares the two halves of a pair image.

The left half of a pair image (canvas) differs from the right half (target) where paint is missing.
A transformer with random weights needs tens of thousands of steps to learn that two patches half an
image apart belong together; the pocket model is trained for some hundreds. Its first layer
therefore starts as that comparison and is trained like every other weight (mimetic initialisation,
arXiv 2305.09828; classes and `forward` do not change).

The vector of every patch has three thirds: *position*, *appearance* and *difference*. Position is a
random code, equal at the same position of both halves but for a few entries that tell the side.
Appearance and difference start as the same projection of the patch. The heads of the first layer
that read the position attend to the same position of the other half and subtract its appearance
from the difference.
"""

from __future__ import annotations

from typing import Any

import torch

SIDE_ENTRIES = 4
"""Number of entries of the position code that tell left from right."""
SHARPNESS = 1.5
"""Scale of queries and keys: a patch gives nearly all attention to the same position of the other
half."""


def initialise_as_comparison(tower: Any, generator: torch.Generator) -> None:
    """Set the embeddings and the first layer of an untrained CLIP vision tower, in place.

    Args:
        tower: `CLIPVisionModel`. Its width is three times a multiple of its head width; its number
            of patch columns is even.
    """
    embeddings, attention = tower.embeddings, tower.encoder.layers[0].self_attn
    width = embeddings.embed_dim
    third = width // 3
    position, appearance, difference = (
        slice(start, start + third) for start in range(0, width, third)
    )
    with torch.no_grad():
        patch = embeddings.patch_embedding.weight
        filters = (
            torch.randn(patch[appearance].shape, generator=generator) * patch[0].numel() ** -0.5
        )
        patch[position], patch[appearance], patch[difference] = 0.0, filters, filters
        columns = embeddings.image_size // embeddings.patch_size
        code = 0.1 * torch.randn(columns, columns // 2, width, generator=generator)
        code[..., position] *= 10
        halves = [code.clone(), code.clone()]
        for half, sign in zip(halves, (-1.0, 1.0), strict=True):
            half[..., :SIDE_ENTRIES] = sign * SHARPNESS
        embeddings.position_embedding.weight[1:] = torch.cat(halves, dim=1).flatten(0, 1)
        same_side = SHARPNESS * torch.eye(third)
        other_side = same_side.clone()
        other_side[:SIDE_ENTRIES] *= -1  # queries match keys of the other side
        for projection, entries, value in (
            (attention.q_proj, position, other_side),
            (attention.k_proj, position, same_side),
            (attention.v_proj, appearance, torch.eye(third)),
        ):
            projection.weight[position] = 0.0
            projection.weight[position, entries] = value
        attention.out_proj.weight[:, position] = 0.0
        attention.out_proj.weight[difference, position] = -torch.eye(third)
