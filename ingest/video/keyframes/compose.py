"""Puts the keyframes together at full resolution.

Each pixel is the mean of the few frames that show the clean canvas there; the area that a frame
gives is blended at its rim. Only the frames that are needed are warped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.geometry import rectified
from ingest.video.keyframes.keyframes import Choice
from ingest.video.lighting.light import apply_gain

MIXED_PX = 1.25
"""How far inside of the canvas's outline pixels of a video still show what lies beyond it."""


@dataclass(frozen=True)
class View:
    """How one frame becomes a canvas."""

    canvas_from_frame: np.ndarray
    """Homography (3, 3) from the frame's pixels to those of a stored keyframe."""
    gain: np.ndarray
    """Factors (3,) that undo its light."""


def compose(
    choices: list[Choice],
    states: np.ndarray,
    frames: Iterable[tuple[int, np.ndarray]],
    views: dict[int, View],
    size: tuple[int, int],
) -> list[np.ndarray]:
    """The keyframes, RGB uint8 (H, W, 3) each.

    Args:
        states: clean canvases RGB uint8 (len(choices), h, w, 3) at analysis size; they fill what
            no frame shows.
        frames: (number, RGB uint8 (h, w, 3)) of all frames that the choices use, in any order.
        size: (width, height) of the keyframes.
    """
    width, height = size
    sums = [np.zeros((height, width, 3), np.float32) for _ in choices]
    weights = [np.zeros((height, width), np.float32) for _ in choices]
    for number, frame in frames:
        users = [k for k, choice in enumerate(choices) if number in choice.looks]
        if not users:
            continue
        # Most frames give a small part only: the rest is not worth the work.
        boxes = [_box(choices[k].looks[number], size) for k in users]
        whole = _around(boxes)
        seen = _seen(frame, views[number], whole).astype(np.float32)
        for k, box in zip(users, boxes, strict=True):
            part = box.part()
            weight = cv2.resize(choices[k].looks[number].astype(np.float32), size)[part]
            given = seen[box.part(whole.left, whole.top)]
            cv2.accumulateProduct(given, cv2.merge([weight] * 3), sums[k][part])
            weights[k][part] += weight
    return [
        _finished(total, weight, state, size)
        for total, weight, state in zip(sums, weights, states, strict=True)
    ]


def without_rim(image: np.ndarray, pixels_per_frame_pixel: float) -> np.ndarray:
    """A keyframe RGB uint8 (H, W, 3) whose outermost pixels are those next to them inside: its own
    are mixed with the table.

    Args:
        pixels_per_frame_pixel: how much larger the keyframe is than the canvas in the video.
    """
    rim = max(1, round(MIXED_PX * pixels_per_frame_pixel))
    inner = image[rim:-rim, rim:-rim]
    return cv2.copyMakeBorder(inner, rim, rim, rim, rim, cv2.BORDER_REPLICATE)


@dataclass(frozen=True)
class _Box:
    """Pixels of a picture, from left and top to before right and bottom."""

    left: int
    top: int
    right: int
    bottom: int

    def part(self, left: int = 0, top: int = 0) -> tuple[slice, slice]:
        """Its rows and columns in a picture that begins at `left` and `top`."""
        rows = slice(self.top - top, self.bottom - top)
        return rows, slice(self.left - left, self.right - left)


def _box(look: np.ndarray, size: tuple[int, int]) -> _Box:
    """What a look, bool (h, w) and not empty, can have to do with when it is enlarged to `size`
    (w, h)."""
    x, y, w, h = cv2.boundingRect(look.astype(np.uint8))
    factors = np.array([size[0] / look.shape[1], size[1] / look.shape[0]])
    # Enlarging spreads a pixel over its neighbours.
    left, top = np.floor(factors * [x - 1, y - 1]).astype(int).clip(0)
    right, bottom = np.minimum(np.ceil(factors * [x + w + 1, y + h + 1]).astype(int), size)
    return _Box(int(left), int(top), int(right), int(bottom))


def _around(boxes: list[_Box]) -> _Box:
    return _Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _seen(frame: np.ndarray, view: View, box: _Box) -> np.ndarray:
    """A part of the canvas in a frame, in one light, RGB uint8."""
    shift = np.array([[1, 0, -box.left], [0, 1, -box.top], [0, 0, 1.0]])
    size = (box.right - box.left, box.bottom - box.top)
    return apply_gain(rectified(frame, shift @ view.canvas_from_frame, size), view.gain)


def _finished(
    total: np.ndarray, weight: np.ndarray, state: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    coarse = cv2.resize(state, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    # A sliver of the coarse picture everywhere keeps rims without weight from turning black.
    total += 0.02 * coarse
    mean = total / (weight[..., None] + 0.02)
    return np.clip(np.round(mean), 0, 255).astype(np.uint8)
