"""Detects captions that were edited into the video: boxes of text at a fixed place on the screen.

A caption appears or disappears at once: after compensation of the camera's motion, a long upright
box changes while most of its neighbourhood stays. While it is shown, the same letters stand in that
box of the screen, whatever moves behind them. Paint and hands do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

CHANGED = 18
"""Difference (of 255) above which a pixel has changed."""
JOINED_PX = (9, 3)
"""Width and height in pixels of the gaps that are closed within a box."""
MIN_WIDTH_SHARE = 0.25
"""Least width of a box, as a share of the width of the frame."""
MIN_HEIGHT_PX = 6
"""Least height of a box in pixels."""
MIN_ASPECT = 3.0
"""Least ratio of the width of a box to its height."""
MIN_CHANGED_INSIDE = 0.75
"""Least share of changed pixels in a box when a caption appears or disappears."""
MAX_CHANGED_AROUND = 0.4
"""Largest share of changed pixels around the box at that moment."""
MIN_CONTRAST = 12.0
"""Least mean gradient (grey levels per pixel) of a box with letters."""
MIN_CONTRAST_RATIO = 1.6
"""Least ratio of the mean gradient with letters to that without."""
SAME_LETTERS = 0.5
"""Correlation of gradients from which a box shows the same letters. Measured: 0.76 to 1 while a
caption is shown, below 0.3 before and after."""
MIN_FRAMES = 4
"""Least number of frames of a caption."""
MAX_SHARE = 0.15
"""Largest share of all frames that show one caption."""
GAP_PX = 2
"""Width in pixels of the soft border of a box; it belongs to the caption."""
RIM_PX = 4
"""Width in pixels of the neighbourhood around that border."""

Box = tuple[int, int, int, int]
"""(left, top, width, height) in pixels."""


@dataclass(frozen=True)
class Caption:
    """A box on the screen that is covered in some consecutive frames."""

    first: int
    """Position of the first frame that shows it."""
    last: int
    """Position of the last frame that shows it."""
    box: Box
    """In pixels of the frames of `find_captions`."""

    def area(self, shape: tuple[int, ...]) -> np.ndarray:
        """The box with its soft border: bool (h, w), the first two of `shape`."""
        covered = np.zeros(shape[:2], bool)
        covered[_window(self.box, GAP_PX)] = True
        return covered


def find_captions(
    frames: Sequence[np.ndarray], change_at: Callable[[int], np.ndarray | None]
) -> tuple[Caption, ...]:
    """The captions of a video. A caption may be returned twice: by its start and by its end.

    Args:
        frames: small grey copies, uint8 (h, w), of all sampled frames.
        change_at: for position n, the absolute difference of frames n - 1 and n + 1, both aligned
            to frame n: uint8 (h, w); None where they cannot be aligned.
    """
    captions = []
    for n in range(1, len(frames) - 1):
        change = change_at(n)
        if change is not None:
            for box in _boxes(change > CHANGED):
                interval = _interval(n, box, frames)
                if interval is not None:
                    captions.append(Caption(*interval, box))
    return tuple(captions)


def _boxes(changed: np.ndarray) -> list[Box]:
    """Long boxes with many changed pixels inside and few around; `changed` is bool (h, w)."""
    solid = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, _block(*JOINED_PX))
    # The opening removes an arm, which is not as wide, and a brush, which is not as tall.
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
        if inside.mean() >= MIN_CHANGED_INSIDE and around <= MAX_CHANGED_AROUND:
            boxes.append(box)
    return boxes


def _block(width: int, height: int) -> np.ndarray:
    """A rectangular structuring element."""
    return np.ones((height, width), np.uint8)


def _window(box: Box, grown_px: int = 0) -> tuple[slice, slice]:
    """The rows and columns of a box that is grown on every side."""
    left, top, width, height = box
    rows = slice(max(0, top - grown_px), top + height + grown_px)
    return rows, slice(max(0, left - grown_px), left + width + grown_px)


def _interval(n: int, box: Box, frames: Sequence[np.ndarray]) -> tuple[int, int] | None:
    """First and last frame of the caption that appears or disappears in a box at frame `n`.

    None if no letters appear or disappear there, or too few or too many frames show them.
    """
    before, after = (_gradients(frames[m], box) for m in (n - 1, n + 1))
    disappears = before.mean() > after.mean()
    letters, none = (before, after) if disappears else (after, before)
    if letters.mean() < max(MIN_CONTRAST, MIN_CONTRAST_RATIO * none.mean()):
        return None
    step, longest = -1 if disappears else 1, round(MAX_SHARE * len(frames))
    m = n + step
    while (
        0 <= m < len(frames) and _correlation(_gradients(frames[m], box), letters) >= SAME_LETTERS
    ):
        m += step
    if m == len(frames):
        # What stays to the end may be painted.
        return None
    # Frame m is included: a caption that fades in or out shows no clear letters there.
    first, last = sorted((n, max(m, 0)))
    return (first, last) if MIN_FRAMES <= last - first <= longest else None


def _gradients(frame: np.ndarray, box: Box) -> np.ndarray:
    """Gradient magnitude of a grey frame in a box, grey levels per pixel: float32 (h, w)."""
    grey = frame[_window(box)]
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two boxes, -1 to 1; 0 if their sizes differ."""
    if first.shape != second.shape:
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / np.sqrt(max((a * a).sum() * (b * b).sum(), 1e-6)))
