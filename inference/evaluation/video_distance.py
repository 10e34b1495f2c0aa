"""Fréchet video distance (FVD): whether whole processes look like real ones, and move like them.

The distance is that of two Gaussians on the logits of I3D (Unterthiner et al. 2019), a process
being one clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from inference.evaluation.choices import CLIP_FRAMES, LEAST_CLIPS
from inference.evaluation.frechet import frechet_distance
from inference.evaluation.i3d import INSTALL, NAME, SIDE_PX, has_i3d, load_i3d
from inference.evaluation.process import Process
from ingest.conventions.errors import UserError

NUM_LOGITS = 400


def clip_indices(times_s: Sequence[float]) -> list[int]:
    """The frames of a process's clip: at moments spread evenly over its painting time the canvas
    that is on the easel, so a process that stands still does so in the clip."""
    moments = np.linspace(times_s[0], times_s[-1], CLIP_FRAMES)
    # A little later, since the last moment may be rounded to before the last frame.
    return (np.searchsorted(times_s, moments + 1e-6 * times_s[-1], side="right") - 1).tolist()


def clip_features(process: Process) -> np.ndarray:
    """Logits of I3D for a process, float32 (400,); empty where I3D is not installed."""
    if not has_i3d():
        return np.zeros(0, np.float32)
    frames = [
        cv2.resize(process.frames[n], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        for n in clip_indices(process.times_s)
    ]
    clip = torch.from_numpy(np.stack(frames)).float() / 127.5 - 1
    with torch.inference_mode():
        return load_i3d()(clip.permute(3, 0, 1, 2)[None])[0].numpy()


def video_distance(first: np.ndarray, second: np.ndarray) -> float:
    """FVD of two sets of processes, given their `clip_features` (N, 400) and (M, 400).

    Raises:
        UserError: too few processes, or some that were measured without I3D.
    """
    if not (first.size and second.size):
        raise UserError(f"I3D was not installed when this was measured: {INSTALL}")
    fewest = min(len(first), len(second))
    if fewest < LEAST_CLIPS:
        raise UserError(
            f"{fewest} processes, FVD on {NAME} needs {LEAST_CLIPS} of each kind: measure more "
            "paintings"
        )
    return frechet_distance(first, second)


def note_on(num_clips: int) -> str:
    """What readers must know of an FVD of so many processes."""
    if num_clips > NUM_LOGITS:
        return ""
    return (
        f"FVD on {NAME} from {num_clips} processes: fewer than {NUM_LOGITS + 1} leave the "
        "covariance singular, and the value too large. Compare only values of equal n."
    )
