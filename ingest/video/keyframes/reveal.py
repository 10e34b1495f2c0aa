"""Tells painting from uncovering: a finished picture that a moving mask reveals.

Painters go back and forth: outlines are drawn and painted over, washes are laid under detail. So
the colour of a detailed spot wanders before it arrives. Under a reveal every spot goes straight
from the blank canvas to its finished colour.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.colour_distance import detail, lab_distance, soft_lab

DETAIL_LEVELS, CHANGED_LAB, NOISE_LAB = 2.5, 20.0, 3.0
"""Gradient (grey levels a pixel) from which the finished picture counts as detailed; Lab distance
between blank and finished from which a spot is judged; steps below the last one are noise."""
EARLY = 0.6
"""Share of the states among which the emptiest is sought."""
STRAIGHT = 0.9
"""Direct distance as a share of the way taken, from which a spot came straight."""


class RevealConfig(Config):
    """When a video is taken for a reveal."""

    max_straight_share: float = Field(default=0.9, gt=0, le=1)
    """Refuse when so much of the detailed area went straight to its finished colour. Measured:
    0.00 to 0.73 on eleven real paintings and drawings, 1.00 on a reveal."""
    min_area: float = Field(default=0.03, ge=0, le=1)
    """Detailed and changed area (share of the canvas) that is needed to judge at all."""


def straight_share(states: np.ndarray) -> tuple[float, float]:
    """How much of the detailed area went straight to its finished colour.

    Args:
        states: RGB uint8 (k, h, w, 3), clean canvases, the last one finished.

    Returns:
        That share, and the area that was judged as a share of the canvas; both 0 to 1.
    """
    looks = [soft_lab(state) for state in states]
    lightness = looks[-1][..., 0]
    dx, dy = cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    detailed = cv2.GaussianBlur(np.hypot(dx, dy) / 8, (0, 0), 2) > DETAIL_LEVELS
    direct = lab_distance(looks[-1], looks[0])
    way = np.zeros_like(direct)
    for before, after in itertools.pairwise(looks):
        step = lab_distance(after, before)
        way += np.where(step < NOISE_LAB, 0, step)
    judged = detailed & (direct > CHANGED_LAB)
    straight = judged & (direct > STRAIGHT * way)
    return float(straight.sum() / max(1, judged.sum())), float(judged.mean())


def looks_revealed(states: np.ndarray, config: RevealConfig) -> bool:
    """Whether the states are a reveal rather than a painting.

    What comes before the emptiest of the early states (a photograph of the subject, another
    picture) was not uncovered, and does not speak for painting.
    """
    early = [detail(state) for state in states[: max(1, round(EARLY * len(states)))]]
    share, area = straight_share(states[int(np.argmin(early)) :])
    return area >= config.min_area and share > config.max_straight_share
