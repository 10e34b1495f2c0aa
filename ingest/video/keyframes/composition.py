"""Composes each keyframe at full resolution from the frames that show its clean canvas.

Each pixel is the weighted mean of a few frames. The area that a frame contributes is blended at its
border. Only the frames that are needed are warped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.geometry import rectified
from ingest.video.keyframes.selection import SelectedKeyframe
from ingest.video.lighting.light import apply_gain

MIXED_BORDER_PX = 1.25
"""Width, in pixels of the video, of the band inside the canvas's outline that is mixed with what
lies around the canvas."""
COARSE_WEIGHT = 0.02
"""Weight of the enlarged clean canvas next to the frames, so that pixels that no frame shows are
not black."""


@dataclass(frozen=True)
class View:
    """How one frame is warped and evened to become a canvas."""

    canvas_from_frame: np.ndarray
    """Homography (3, 3) from the frame's pixels to those of a stored keyframe."""
    gain: np.ndarray
    """Factors (3,) of R, G and B that undo the frame's exposure and white balance."""


def compose(
    selected: list[SelectedKeyframe],
    states: np.ndarray,
    frames: Iterable[tuple[int, np.ndarray]],
    views: dict[int, View],
    size: tuple[int, int],
) -> list[np.ndarray]:
    """Returns the keyframes, RGB uint8 (H, W, 3) each.

    Args:
        states: clean canvases at analysis size, RGB uint8 (len(selected), h, w, 3); they fill what
            no frame shows.
        frames: (number, RGB uint8 (h, w, 3)) of all frames that the keyframes use, in any order.
        views: the view of each of these frames, by number.
        size: (width, height) of the keyframes.
    """
    width, height = size
    sums = [np.zeros((height, width, 3), np.float32) for _ in selected]
    weights = [np.zeros((height, width), np.float32) for _ in selected]
    for number, frame in frames:
        users = [k for k, keyframe in enumerate(selected) if number in keyframe.source_masks]
        if not users:
            continue
        # Most frames contribute a small part only, so only that part is warped.
        boxes = [_bounding_box(selected[k].source_masks[number], size) for k in users]
        whole = _union(boxes)
        warped = _warped(frame, views[number], whole).astype(np.float32)
        for k, box in zip(users, boxes, strict=True):
            part = box.slices()
            weight = cv2.resize(selected[k].source_masks[number].astype(np.float32), size)[part]
            source = warped[box.slices(whole.left, whole.top)]
            cv2.accumulateProduct(source, cv2.merge([weight] * 3), sums[k][part])
            weights[k][part] += weight
    return [
        _weighted_mean(total, weight, state, size)
        for total, weight, state in zip(sums, weights, states, strict=True)
    ]


def without_mixed_border(image: np.ndarray, pixels_per_frame_pixel: float) -> np.ndarray:
    """Returns a keyframe, RGB uint8 (H, W, 3), whose outermost pixels are replaced by those next to
    them inside: its own are mixed with the table.

    Args:
        pixels_per_frame_pixel: how much larger the keyframe is than the canvas in the video.
    """
    border = max(1, round(MIXED_BORDER_PX * pixels_per_frame_pixel))
    inner = image[border:-border, border:-border]
    return cv2.copyMakeBorder(inner, border, border, border, border, cv2.BORDER_REPLICATE)


@dataclass(frozen=True)
class _Box:
    """A rectangle of pixels: columns `left` to before `right`, rows `top` to before `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    def slices(self, left: int = 0, top: int = 0) -> tuple[slice, slice]:
        """Returns its rows and columns in an image that begins at `left` and `top`."""
        rows = slice(self.top - top, self.bottom - top)
        return rows, slice(self.left - left, self.right - left)


def _bounding_box(mask: np.ndarray, size: tuple[int, int]) -> _Box:
    """Returns the pixels that are not 0 when a mask, bool (h, w) and not empty, is enlarged to
    `size` (width, height)."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    factors = np.array([size[0] / mask.shape[1], size[1] / mask.shape[0]])
    # Enlarging spreads a pixel over its neighbours.
    left, top = np.floor(factors * [x - 1, y - 1]).astype(int).clip(0)
    right, bottom = np.minimum(np.ceil(factors * [x + w + 1, y + h + 1]).astype(int), size)
    return _Box(int(left), int(top), int(right), int(bottom))


def _union(boxes: list[_Box]) -> _Box:
    """Returns the smallest box that holds all boxes."""
    return _Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _warped(frame: np.ndarray, view: View, box: _Box) -> np.ndarray:
    """Returns the part `box` of the rectified canvas in a frame, exposure evened, RGB uint8."""
    shift = np.array([[1, 0, -box.left], [0, 1, -box.top], [0, 0, 1.0]])
    size = (box.right - box.left, box.bottom - box.top)
    return apply_gain(rectified(frame, shift @ view.canvas_from_frame, size), view.gain)


def _weighted_mean(
    total: np.ndarray, weight: np.ndarray, state: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Returns the weighted mean of the frames and the enlarged clean canvas, RGB uint8 (H, W, 3).

    Args:
        total: weighted sum of the frames, float32 (H, W, 3); changed.
        weight: sum of the weights, float32 (H, W).
        state: the clean canvas at analysis size, RGB uint8 (h, w, 3).
    """
    coarse = cv2.resize(state, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    total += COARSE_WEIGHT * coarse
    mean = total / (weight[..., None] + COARSE_WEIGHT)
    return np.clip(np.round(mean), 0, 255).astype(np.uint8)
