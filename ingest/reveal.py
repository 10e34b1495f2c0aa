"""Tells painting from uncovering: a finished picture that a moving mask reveals.

Painters build up: where the finished painting has detail, most of it is laid over something that
was painted there before. A revealed picture arrives finished, detail and all, in one step.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from pydantic import Field

from ingest.change import change_map, pyramid
from ingest.config import Config


class RevealConfig(Config):
    """When a video is taken for a reveal."""

    max_finished_share: float = Field(default=0.9, gt=0, le=1)
    """Refuse when so much of the detailed area jumps to its finished look in one step."""
    min_area: float = Field(default=0.03, ge=0, le=1)
    """Detailed area (share of the canvas) that is needed to judge at all."""


CHANGED, FINISHED, DETAIL_LEVELS = 0.35, 0.1, 6.0
"""Change map values from which a pixel has changed and up to which it looks finished; gradient in
grey levels a pixel from which the finished picture counts as detailed."""


def finished_share(states: np.ndarray) -> tuple[float, float]:
    """How much of what is painted arrives finished.

    Args:
        states: RGB uint8 (k, h, w, 3), clean canvases, the last one finished.

    Returns:
        Share of the changes in detailed areas that lead to the finished look at once, and the
        share of the canvas that was judged.
    """
    looks = [pyramid(state) for state in states]
    grey = cv2.GaussianBlur(cv2.cvtColor(states[-1], cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    detailed = cv2.GaussianBlur(np.hypot(dx, dy) / 8, (0, 0), 2) > DETAIL_LEVELS
    events = finished = 0
    for before, after in itertools.pairwise(looks):
        changed = detailed & (change_map(before, after) > CHANGED)
        events += int(changed.sum())
        finished += int((changed & (change_map(after, looks[-1]) < FINISHED)).sum())
    judged = float((detailed & (change_map(looks[0], looks[-1]) > CHANGED)).mean())
    return finished / max(1, events), judged


def looks_revealed(states: np.ndarray, config: RevealConfig) -> bool:
    """Whether the states are a reveal rather than a painting."""
    share, judged = finished_share(states)
    return judged >= config.min_area and share > config.max_finished_share
