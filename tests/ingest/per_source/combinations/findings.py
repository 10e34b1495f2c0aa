"""What ingest made of a combination, compared with what it makes of the plain look."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome, read_keyframes
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import BadRow, discover

CELLS = (5, 4)
"""Columns and rows of the grid in which colours are compared."""
SIZE_TOLERANCE_PX = 2
"""By how much a keyframe's side may differ: the outline of the canvas is found to half a pixel."""


@dataclass(frozen=True)
class Distance:
    """By how much two pictures may differ, in levels of 255."""

    mean: float
    """Of the absolute differences of all values."""
    bias: float
    """Of the mean difference of a channel over any cell of a grid (`CELLS`): colours that are off,
    rather than noise."""


@dataclass(frozen=True)
class Finding:
    """The verdict on a combination; `problems` is empty where ingest did what is documented."""

    index: int
    kinds: dict[str, str]
    """What the input is in each respect."""
    reason: str = ""
    """The documented reason for which it was refused; empty if it was kept."""
    mean: float = 0.0
    """Largest mean absolute difference of a picture, in levels of 255."""
    bias: float = 0.0
    """Largest mean difference of a channel over a cell of a picture, in levels of 255."""
    problems: list[str] = field(default_factory=list)


def ingested(
    path: Path, config: IngestConfig, root: Path
) -> tuple[VideoOutcome | BadRow, list[StoredKeyframe]]:
    """The outcome of one input, given by its path as on the command line, and its keyframes."""
    # Alone, an unusable input is an error of the command; beside another one it is a row.
    row, *_ = discover([str(path), str(path)])
    if isinstance(row, BadRow):
        return row, []
    outcome = make_ingest_video(config, root)(row)
    kept = outcome.status == "kept"
    return outcome, read_keyframes(Dataset(root), outcome.video_id) if kept else []


def refused(outcome: VideoOutcome | BadRow, expected_reason: str) -> list[str] | None:
    """Problems of an outcome without keyframes; None if the input was kept, as it should be."""
    is_kept = isinstance(outcome, VideoOutcome) and outcome.status == "kept"
    if is_kept and not expected_reason:
        return None
    if is_kept:
        return [f"kept, but {expected_reason} is documented"]
    if outcome.reason != expected_reason:
        return [f"{outcome.reason or 'refused'}: {outcome.detail}"]
    return []


def differences(
    found: list[np.ndarray], expected: list[np.ndarray], allowed: Distance
) -> tuple[float, float, list[str]]:
    """The largest mean difference, the largest bias, and what is beyond the allowed distance.

    Args:
        found, expected: RGB uint8 (h, w, 3) each.
    """
    if len(found) != len(expected):
        return 0.0, 0.0, [f"{len(found)} pictures instead of {len(expected)}"]
    means, biases, problems = [0.0], [0.0], list[str]()
    for number, (image, truth) in enumerate(zip(found, expected, strict=True)):
        off_px = np.abs(np.subtract(image.shape, truth.shape)).max()
        if off_px > SIZE_TOLERANCE_PX:
            problems.append(f"picture {number} is {image.shape}, not {truth.shape}")
            continue
        if off_px:
            image = cv2.resize(image, truth.shape[1::-1], interpolation=cv2.INTER_AREA)
        difference = image.astype(np.float32) - truth
        means.append(float(np.abs(difference).mean()))
        cells = cv2.resize(difference, CELLS, interpolation=cv2.INTER_AREA)
        biases.append(float(np.abs(cells).max()))
        if means[-1] > allowed.mean or biases[-1] > allowed.bias:
            problems.append(
                f"picture {number} is {means[-1]:.1f} off on average (at most {allowed.mean}), its "
                f"colours {biases[-1]:.1f} (at most {allowed.bias})"
            )
    return max(means), max(biases), problems
