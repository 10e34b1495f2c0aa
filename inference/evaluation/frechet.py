"""Fréchet distance between sets of frames, on features of the frozen backbone (FD-DINOv2).

The distance is that of two Gaussians (Heusel et al. 2017, equation 6). The features are the class
tokens of DINOv2 ViT-S/14, so values cannot be compared with an FID on Inception features.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from inference.evaluation.choices import FRECHET_SIDE_PX
from ingest.conventions.errors import UserError
from training.backbone.backbone import DEVIATION, MEAN, WIDTH, load_backbone

NAME = "FD-DINOv2 (ViT-S/14)"
"""Stands beside every number."""
LEAST_FRAMES = WIDTH + 1
"""Frames that each set needs: from fewer the covariance is singular, and the distance says more
about their number than about the frames."""


def frame_features(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Class tokens of frames, RGB uint8 (H, W, 3): float32 (N, 384)."""
    rows = []
    for frame in frames:
        small = cv2.resize(frame, (FRECHET_SIDE_PX,) * 2, interpolation=cv2.INTER_AREA)
        pixels = (small.astype(np.float32) / 255 - np.array(MEAN)) / np.array(DEVIATION)
        batch = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            output = load_backbone().vision(batch)
        rows.append(output.last_hidden_state[0, 0].numpy())
    return np.array(rows, np.float32)


def frame_distance(first: np.ndarray, second: np.ndarray) -> float:
    """FD-DINOv2 of two sets of frames, given their `frame_features`.

    Raises:
        UserError: too few frames for a covariance.
    """
    for features in (first, second):
        if len(features) < LEAST_FRAMES:
            raise UserError(
                f"{len(features)} frames, {NAME} needs {LEAST_FRAMES} of each kind: measure more "
                "paintings"
            )
    return frechet_distance(first, second)


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared distance of the means plus that of the covariances.

    Args:
        first, second: features, float (N, D) and (M, D).
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    gap = first.mean(axis=0) - second.mean(axis=0)
    left, right = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = _root(left)
    both = np.linalg.eigvalsh(root @ right @ root).clip(0)
    squared = gap @ gap + np.trace(left) + np.trace(right) - 2 * np.sqrt(both).sum()
    # Rounding may take the distance of equal sets below 0.
    return max(0.0, float(squared))


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T
