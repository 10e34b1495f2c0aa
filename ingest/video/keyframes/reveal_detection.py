"""Separates painting from a reveal: a finished picture that a moving mask uncovers.

Painters go back and forth: outlines are drawn and painted over, washes are laid under detail. So
the colour of a detailed spot wanders before it arrives. In a reveal every spot goes straight from
the blank canvas to its finished colour.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.colour_distance import detail, lab_distance, soft_lab

MIN_DETAIL_GRADIENT = 2.5
"""Gradient of lightness (L of Lab per pixel) from which the finished picture is detailed."""
CHANGED_LAB = 20.0
"""Lab distance between blank and finished from which a spot is judged."""
NOISE_LAB = 3.0
"""Lab distance up to which a step from state to state is noise."""
EARLY_SHARE = 0.6
"""Share of the states, from the first on, among which the emptiest one is taken as the start."""
MIN_STRAIGHTNESS = 0.9
"""Ratio of direct distance to length of the path from which a spot went straight."""


class RevealConfig(Config):
    """When a video is taken for a reveal."""

    max_straight_share: float = Field(default=0.9, gt=0, le=1)
    """Refuse when more of the detailed area went straight to its finished colour. Measured:
    0.00 to 0.73 on eleven real paintings and drawings, 1.00 on a reveal."""
    min_area: float = Field(default=0.03, ge=0, le=1)
    """Detailed and changed area (share of the canvas) that is needed to judge at all."""


def straight_share(states: np.ndarray) -> tuple[float, float]:
    """Returns how much of the detailed area went straight to its finished colour (0 to 1), and the
    judged area as a share of the canvas (0 to 1).

    Args:
        states: RGB uint8 (k, h, w, 3), clean canvases, the last one finished.
    """
    labs = [soft_lab(state) for state in states]
    lightness = labs[-1][..., 0]
    dx, dy = cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    detailed = cv2.GaussianBlur(np.hypot(dx, dy) / 8, (0, 0), 2) > MIN_DETAIL_GRADIENT
    direct = lab_distance(labs[-1], labs[0])
    path = np.zeros_like(direct)
    for before, after in itertools.pairwise(labs):
        step = lab_distance(after, before)
        path += np.where(step < NOISE_LAB, 0, step)
    judged = detailed & (direct > CHANGED_LAB)
    straight = judged & (direct > MIN_STRAIGHTNESS * path)
    return float(straight.sum() / max(1, judged.sum())), float(judged.mean())


def is_reveal(states: np.ndarray, config: RevealConfig) -> bool:
    """Returns True if the states are a reveal rather than a painting.

    States before the emptiest early one (a photograph of the subject, another picture) are left
    out: they were not uncovered, and are no evidence of painting.
    """
    early = [detail(state) for state in states[: max(1, round(EARLY_SHARE * len(states)))]]
    share, area = straight_share(states[int(np.argmin(early)) :])
    return area >= config.min_area and share > config.max_straight_share
