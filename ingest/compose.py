"""Puts the keyframes together at full resolution.

Each pixel is the mean of the few frames that show the clean canvas there; the area that a frame
gives is blended at its rim. Only the frames that are needed are warped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.geometry import pixel_scale, scaling, warp
from ingest.keyframes import Choice
from ingest.light import apply_gain


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
        given = {
            k: cv2.resize(choice.looks[number].astype(np.float32), size)
            for k, choice in enumerate(choices)
            if number in choice.looks
        }
        if not given:
            continue
        # Most frames give a small part only: the rest is not worth the work.
        part = _part(functools.reduce(cv2.max, given.values()))
        seen = _canvas_part(frame, views[number], part).astype(np.float32)
        for k, weight in given.items():
            cv2.accumulateProduct(seen, cv2.merge([weight[part]] * 3), sums[k][part])
            weights[k][part] += weight[part]
    return [
        _finished(total, weight, state, size)
        for total, weight, state in zip(sums, weights, states, strict=True)
    ]


def _part(weight: np.ndarray) -> tuple[slice, slice]:
    """The box, as slices of rows and columns, of all that has weight."""
    x, y, width, height = cv2.boundingRect((weight > 0).astype(np.uint8))
    return slice(y, y + height), slice(x, x + width)


def _canvas_part(frame: np.ndarray, view: View, part: tuple[slice, slice]) -> np.ndarray:
    """A part of the canvas in a frame, in one light, RGB uint8."""
    rows, columns = part
    shift = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1.0]])
    size = (columns.stop - columns.start, rows.stop - rows.start)
    return apply_gain(rectified(frame, shift @ view.canvas_from_frame, size), view.gain)


def rectified(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The canvas in a frame; `matrix` maps frame pixels to canvas pixels, `size` is (w, h)."""
    scale = float(pixel_scale(matrix))
    if scale < 0.5:
        # Warping looks at four neighbours only: large frames are averaged down first.
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.linalg.inv(scaling(scale))
    return warp(image, matrix, size)


def _finished(
    total: np.ndarray, weight: np.ndarray, state: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    coarse = cv2.resize(state, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    # A sliver of the coarse picture everywhere keeps rims without weight from turning black.
    total += 0.02 * coarse
    mean = total / (weight[..., None] + 0.02)
    return np.clip(np.round(mean), 0, 255).astype(np.uint8)
