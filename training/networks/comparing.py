"""First weights of the pocket vision tower: it begins by comparing the two canvases place by place.

What is to be painted next shows where the left half of a pair image differs from the right half. A
transformer of random weights needs tens of thousands of steps to find out that two patches half an
image apart belong together; a pocket model has some hundred. So its first layer starts as that
comparison and is trained on from there like every other weight (the idea of mimetic initialisation,
arXiv 2305.09828; the classes and their `forward` are untouched).

Every patch's vector is cut in three: *place*, *look* and *difference*. Place is a random code that
the same place has in both halves, with a few entries for the side; look and difference begin as the
same projection of the patch. The heads of the first layer that own the place entries attend to the
same place of the other side and take its look away from the difference.
"""

from __future__ import annotations

from typing import Any

import torch

SIDE_ENTRIES = 4
"""Entries of the place code that tell left from right."""
SHARPNESS = 1.5
"""Scale of queries and keys; at this one a patch gives its partner nearly all attention."""


def start_by_comparing(tower: Any, generator: torch.Generator) -> None:
    """Set embeddings and first layer of an untrained CLIP vision tower, in place.

    Args:
        tower: `CLIPVisionModel`; its width is three times a multiple of its head width, and its
            patches make an even number of columns.
    """
    embeddings, attention = tower.embeddings, tower.encoder.layers[0].self_attn
    width = embeddings.embed_dim
    third = width // 3
    place, look, difference = (slice(start, start + third) for start in range(0, width, third))
    with torch.no_grad():
        patch = embeddings.patch_embedding.weight
        filters = torch.randn(patch[look].shape, generator=generator) * patch[0].numel() ** -0.5
        patch[place], patch[look], patch[difference] = 0.0, filters, filters
        columns = embeddings.image_size // embeddings.patch_size
        code = 0.1 * torch.randn(columns, columns // 2, width, generator=generator)
        code[..., place] *= 10
        halves = [code.clone(), code.clone()]
        for half, sign in zip(halves, (-1.0, 1.0), strict=True):
            half[..., :SIDE_ENTRIES] = sign * SHARPNESS
        embeddings.position_embedding.weight[1:] = torch.cat(halves, dim=1).flatten(0, 1)
        same = SHARPNESS * torch.eye(third)
        other = same.clone()
        other[:SIDE_ENTRIES] *= -1  # ask for the other side
        for projection, entries, value in (
            (attention.q_proj, place, other),
            (attention.k_proj, place, same),
            (attention.v_proj, look, torch.eye(third)),
        ):
            projection.weight[place] = 0.0
            projection.weight[place, entries] = value
        attention.out_proj.weight[:, place] = 0.0
        attention.out_proj.weight[difference, place] = -torch.eye(third)
