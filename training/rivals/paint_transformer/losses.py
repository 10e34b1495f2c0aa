"""What the training of Paint Transformer makes small: errors of the drawn patch and of strokes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from training.rivals.paint_transformer.network import NUM_STROKES, PATCH_PX
from training.rivals.paint_transformer.practice import Practice
from training.rivals.paint_transformer.strokes import (
    laid_over,
    picked_colours,
    shrunk,
    soft_stroke_images,
    spread,
)

PIXEL_WEIGHT, SHAPE_WEIGHT, OVERLAP_WEIGHT, DECISION_WEIGHT = 10.0, 1.0, 10.0, 10.0
DRAWN_WEIGHT = 10.0
"""How much more a stroke that is missed costs than one too many."""


@dataclass(frozen=True, eq=False)
class Losses:
    """The four weighted losses of a batch, each a scalar."""

    pixel: Tensor
    """Mean absolute difference of the drawn patch to the practised one."""
    shape: Tensor
    """Mean absolute difference of matched strokes' numbers."""
    overlap: Tensor
    """Mean transport distance of matched strokes, taken as normal distributions."""
    decision: Tensor
    """Cross entropy of what is drawn."""

    def total(self) -> Tensor:
        return self.pixel + self.shape + self.overlap + self.decision


def losses_of(practice: Practice, shapes: Tensor, logits: Tensor, brushes: Tensor) -> Losses:
    """Losses of the network's shapes (N, 8, 5) and logits (N, 8)."""
    rows, given, wanted = matching(practice, shapes.detach(), logits.detach())
    predicted, true = shapes[rows, given], practice.shapes[rows, wanted]
    is_matched = torch.zeros_like(logits)
    is_matched[rows, given] = 1.0
    weight = torch.tensor(DRAWN_WEIGHT)
    entropy = functional.binary_cross_entropy_with_logits(logits, is_matched, pos_weight=weight)
    drawn = drawn_again(practice, shapes, logits, brushes)
    return Losses(
        PIXEL_WEIGHT * functional.l1_loss(drawn, practice.after),
        SHAPE_WEIGHT * functional.l1_loss(predicted, true),
        OVERLAP_WEIGHT * transport_distance(predicted, true).mean(),
        DECISION_WEIGHT * entropy,
    )


def drawn_again(practice: Practice, shapes: Tensor, logits: Tensor, brushes: Tensor) -> Tensor:
    """The patches with the network's strokes, whose colours are picked from the practised patch.
    The decision is hard, with the gradient of a sigmoid."""
    colours = picked_colours(practice.after, shapes)
    images = soft_stroke_images(shapes.flatten(0, 1), colours.flatten(0, 1), brushes, PATCH_PX)
    colour = spread(images[0]).unflatten(0, (-1, NUM_STROKES))
    soft = logits.sigmoid()
    decisions = (logits > 0).float() + soft - soft.detach()
    mask = shrunk(images[1]).unflatten(0, (-1, NUM_STROKES)) * decisions[..., None, None, None]
    canvas = practice.before
    for number in range(NUM_STROKES):
        canvas = laid_over(canvas, colour[:, number], mask[:, number])
    return canvas


def matching(practice: Practice, shapes: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The cheapest pairs of predicted and true strokes: patch, predicted and true numbers."""
    distance = torch.cdist(shapes, practice.shapes, p=1)
    overlap = transport_distance(shapes[:, :, None], practice.shapes[:, None])
    # Numbers that are not finite cannot be sorted; the trainer refuses their loss.
    cost = (distance + overlap + (1 - logits)[..., None]).nan_to_num().numpy()
    counts = practice.counts.numpy()
    found: list[tuple[int, int, int]] = []
    for row in range(len(cost)):
        true = counts[row].nonzero()[0]
        pairs = zip(*linear_sum_assignment(cost[row][:, true]), strict=True)
        found += [(row, int(given), int(true[column])) for given, column in pairs]
    rows, given, wanted = torch.tensor(found).unbind(1)
    return rows, given, wanted


def transport_distance(first: Tensor, second: Tensor) -> Tensor:
    """Squared Wasserstein distance of strokes (..., 5), each the normal distribution of its
    rectangle."""
    offset = (first[..., :2] - second[..., :2]).square().sum(-1)
    sizes = (first[..., 2:4].square().sum(-1) + second[..., 2:4].square().sum(-1)) / 4
    root, covariance = _powers(first, 1), _powers(second, 2)
    trace = (root @ covariance @ root).diagonal(dim1=-2, dim2=-1).sum(-1)
    # Root of the product's determinant; the determinant itself would lose digits of thin strokes.
    determinant = (first[..., 2:4].prod(-1) * second[..., 2:4].prod(-1)).abs() / 16
    return offset + sizes - 2 * (trace + 2 * determinant).clamp(min=1e-12).sqrt()


def _powers(strokes: Tensor, power: int) -> Tensor:
    """The power of the square root of the covariance of strokes (..., 5), (..., 2, 2)."""
    angle = math.pi * strokes[..., 4]
    cosine, sine = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([cosine, -sine, sine, cosine], dim=-1).unflatten(-1, (2, 2))
    halves = (strokes[..., 2:4] / 2) ** power
    return turn @ torch.diag_embed(halves) @ turn.transpose(-1, -2)
