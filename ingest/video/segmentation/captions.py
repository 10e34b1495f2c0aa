"""Captions that the cutter laid over the picture: boxes of text on the screen.

A caption comes or goes at once, with the camera's motion undone, in a long upright box while most
of what is around it stays; and as long as it is there the same letters stand in that box of the
screen, whatever is painted and whoever moves behind them. Paint and hands show no letters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

CHANGED = 18
"""Difference (of 255) from which a pixel changed."""
JOINED_PX = (9, 3)
"""Gaps, width and height, that are closed within a box."""
MIN_WIDTH_SHARE, MIN_HEIGHT_PX, MIN_ASPECT = 0.25, 6, 3.0
"""Of a box: its width as a share of the frame's, its height, its width over its height."""
FILLED, CHANGED_AROUND = 0.75, 0.4
"""Share of a box that changes when it comes or goes at least, and of its rim at most."""
MIN_CONTRAST, MIN_CONTRAST_RATIO = 12.0, 1.6
"""Mean slope of the grey picture, a pixel, in a box with letters; and over that without them."""
SAME_LETTERS = 0.5
"""Correlation of the slopes in a box from which it shows the same letters. Measured: 0.76 to 1
while a caption is there, below 0.3 before and after."""
SHORTEST, LONGEST_SHARE = 4, 0.15
"""Frames that a caption stays at least; share of all frames that it stays at most."""
GAP_PX, RIM_PX = 2, 4
"""Soft rim of a box, which belongs to it; and what is looked at around that."""

Box = tuple[int, int, int, int]
"""Left, top, width, height."""


@dataclass(frozen=True)
class Caption:
    """A box on the screen that is covered for some time."""

    first: int
    """Positions of the first and the last frame that show it."""
    last: int
    box: Box
    """In pixels of the frames that it was found in."""

    def area(self, shape: tuple[int, ...]) -> np.ndarray:
        """bool (h, w), the first two of `shape`: the box with its soft rim."""
        covered = np.zeros(shape[:2], bool)
        covered[_window(self.box, GAP_PX)] = True
        return covered


def find_captions(
    frames: Sequence[np.ndarray], change_at: Callable[[int], np.ndarray | None]
) -> tuple[Caption, ...]:
    """The captions of a film, each found once or twice.

    Args:
        frames: small grey copies, uint8 (h, w), of all frames that are looked at.
        change_at: for a frame, uint8 (h, w): how much the frames before and after it differ, both
            laid over it; None where they cannot be compared.
    """
    captions = []
    for n in range(1, len(frames) - 1):
        change = change_at(n)
        if change is not None:
            for box in _boxes(change > CHANGED):
                stay = _stay(n, box, frames)
                if stay is not None:
                    captions.append(Caption(*stay, box))
    return tuple(captions)


def _boxes(changed: np.ndarray) -> list[Box]:
    """Long boxes in which a frame changes, bool (h, w), while most around them does not."""
    solid = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, _block(*JOINED_PX))
    # An arm beside a caption is not as wide as it, a brush not as tall.
    least = _block(round(MIN_WIDTH_SHARE * changed.shape[1]), MIN_HEIGHT_PX)
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, least)
    _, _, found, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    boxes = []
    for left, top, width, height, _ in found[1:].tolist():
        box = (left, top, width, height)
        if width < max(MIN_WIDTH_SHARE * changed.shape[1], MIN_ASPECT * height):
            continue
        inside, near, far = (changed[_window(box, px)] for px in (0, GAP_PX, GAP_PX + RIM_PX))
        around = (far.sum() - near.sum()) / max(1, far.size - near.size)
        if inside.mean() >= FILLED and around <= CHANGED_AROUND:
            boxes.append(box)
    return boxes


def _block(width: int, height: int) -> np.ndarray:
    return np.ones((height, width), np.uint8)


def _window(box: Box, grown_px: int = 0) -> tuple[slice, slice]:
    left, top, width, height = box
    rows = slice(max(0, top - grown_px), top + height + grown_px)
    return rows, slice(max(0, left - grown_px), left + width + grown_px)


def _stay(n: int, box: Box, frames: Sequence[np.ndarray]) -> tuple[int, int] | None:
    """First and last frame with the caption that comes or goes in a box at frame `n`; None where
    no letters come or go there, or they stay too long to be a caption."""
    before, after = (_slopes(frames[m], box) for m in (n - 1, n + 1))
    goes = before.mean() > after.mean()
    letters, none = (before, after) if goes else (after, before)
    if letters.mean() < max(MIN_CONTRAST, MIN_CONTRAST_RATIO * none.mean()):
        return None
    step, longest = -1 if goes else 1, round(LONGEST_SHARE * len(frames))
    m = n + step
    while 0 <= m < len(frames) and _alike(_slopes(frames[m], box), letters) >= SAME_LETTERS:
        m += step
    if m == len(frames):
        # What stays to the end may be painted.
        return None
    # A fading caption shows no letters yet, or no longer.
    first, last = sorted((n, max(m, 0)))
    return (first, last) if SHORTEST <= last - first <= longest else None


def _slopes(frame: np.ndarray, box: Box) -> np.ndarray:
    """float32 (height, width): how steep the grey picture is in a box, levels a pixel."""
    grey = frame[_window(box)]
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8


def _alike(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two boxes; 0 where they are not of one size."""
    if first.shape != second.shape:
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / np.sqrt(max((a * a).sum() * (b * b).sum(), 1e-6)))
