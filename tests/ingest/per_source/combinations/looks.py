"""What a plain film and its variants show: the pictures from which every combination is made.

A look is the film as a player shows it, RGB uint8 (h, w, 3) a frame. Combinations store a look in
some container, codec and colour; ingest has to find the keyframes of the look again.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

from tests.ingest.conftest import COLOURS, CORNERS, FRAME_SIZE, table

FPS = 25
FRAMES_A_STEP = 20
STEP_S = FRAMES_A_STEP / FPS
"""Seconds that each of the six states of the canvas lasts."""
HAND_FRAMES = 8
"""Frames at the start of a step in which a hand covers part of the canvas."""
CANVAS_SIZE = (160, 120)
"""(width, height) in px."""
SIZES = {"small": (208, 156), "odd": (207, 155), "anamorphic": (208, 156), "tall": (400, 720)}
"""(width, height) in px in which a shape is shown; the tall one is stretched."""
HOLE = (0.45, 0.42, 0.55, 0.58)
"""Left, top, right and bottom of what a film with a hole does not cover, as shares of width and
height; it lies on the canvas."""
LEAST_ALPHA = 0.6
"""Smallest opacity of a veil; the smaller, the larger its rounding errors."""
FROM_BT709 = {
    ColorPrimaries.BT2020: [
        [0.6274, 0.3293, 0.0433],
        [0.0691, 0.9195, 0.0114],
        [0.0164, 0.0880, 0.8956],
    ],
    ColorPrimaries.SMPTE432: [
        [0.8225, 0.1774, 0.0],
        [0.0332, 0.9669, 0.0],
        [0.0171, 0.0724, 0.9108],
    ],
}
"""Matrices from linear RGB of BT.709 to that of BT.2020 and Display P3."""
LUMINANCE_BT2020 = np.array([0.2627, 0.6780, 0.0593])


@functools.cache
def states() -> list[np.ndarray]:
    """Six clean canvases RGB uint8 (120, 160, 3): blank, then with one to five blocks of paint,
    each a fifth of the canvas, so that no step is smaller than another."""
    width, height = CANVAS_SIZE
    canvas, found = np.full((height, width, 3), 236, np.uint8), list[np.ndarray]()
    for step, colour in enumerate([None, *COLOURS]):
        if colour is not None:
            noise = np.random.default_rng(step).normal(0, 40, (height, width))
            brush = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 1.5)[..., None]
            block = slice(width * (step - 1) // 5, width * step // 5)
            canvas[:, block] = np.clip(np.array(colour) + 2.0 * brush, 0, 255)[:, block]
        found.append(canvas.copy())
    return found


def shoot() -> list[np.ndarray]:
    """Frames RGB uint8 (240, 320, 3) of a still camera; a hand comes in at each step."""
    width, height = CANVAS_SIZE
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(flat, CORNERS)
    ground, frames = table(), list[np.ndarray]()
    for step, state in enumerate(states()):
        view = cv2.warpPerspective(
            state, matrix, FRAME_SIZE, ground.copy(), borderMode=cv2.BORDER_TRANSPARENT
        )
        for phase in range(FRAMES_A_STEP):
            frame = view.copy()
            if step and phase < HAND_FRAMES:
                x, y = 80 + 35 * (2 * step % 5) + 6 * phase, 70 + 9 * phase
                cv2.line(frame, (x, y), (340, y + 120), (190, 140, 115), 34, cv2.LINE_AA)
                cv2.circle(frame, (x, y), 20, (205, 150, 125), -1, cv2.LINE_AA)
            frames.append(frame)
    return frames


@functools.cache
def look(shape: str, is_grey: bool, has_hole: bool) -> list[np.ndarray]:
    """The frames of a film as they are shown."""
    size, frames = SIZES[shape], shoot()
    filmed = cv2.INTER_AREA if size[1] < 240 else cv2.INTER_LINEAR
    frames = [cv2.resize(frame, size, interpolation=filmed) for frame in frames]
    if is_grey:
        frames = [grey(frame) for frame in frames]
    for frame in frames if has_hole else ():
        frame[hole(frame.shape)] = 255
    return frames


def hole(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the hole in pictures of a shape (h, w, ...)."""
    (height, width), (left, top, right, bottom) = shape[:2], HOLE
    rows = slice(round(top * height), round(bottom * height))
    return rows, slice(round(left * width), round(right * width))


def grey(image: np.ndarray) -> np.ndarray:
    """Luma (ITU-R BT.601) of RGB uint8 (h, w, 3), in three channels."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def with_alpha(shown: np.ndarray, alpha: str) -> np.ndarray:
    """RGBA uint8 (h, w, 4) that shows RGB (h, w, 3) on white.

    Args:
        alpha: `opaque`; `veil`: as transparent as the colours allow; `hole`: the hole is
            fully transparent black.
    """
    share = np.ones(shown.shape[:2])
    if alpha == "veil":
        share = np.maximum(1 - shown.min(axis=2) / 255, LEAST_ALPHA)
    opacity = np.round(share * 255)
    share = np.maximum(opacity, 1)[..., None] / 255
    colour = np.round((shown - 255 * (1 - share)) / share).clip(0, 255)
    result = np.dstack([colour, opacity]).astype(np.uint8)
    if alpha == "hole":
        result[hole(shown.shape)] = 0
    return result


def stored_colours(image: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """Returns uint16 (h, w, 3): the values, 0 to 65535, of RGB uint8 in another transfer and
    primaries (ITU-R BT.2100; white is 203 cd/m2)."""
    light = (image / 255) ** 2.4 @ np.array(FROM_BT709.get(ColorPrimaries(primaries), np.eye(3))).T
    light = np.maximum(light, 0)
    if transfer == ColorTrc.ARIB_STD_B67:
        values = _hlg(light)
    elif transfer == ColorTrc.SMPTE2084:
        values = _pq(light)
    else:
        values = light ** (1 / 2.4)
    return (values * 65535).round().clip(0, 65535).astype(np.uint16)


def _hlg(light: np.ndarray) -> np.ndarray:
    shown = light * 203 / 1000
    luminance = (shown @ LUMINANCE_BT2020)[..., None]
    scene = shown * np.maximum(luminance, 1e-9) ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)


def _pq(light: np.ndarray) -> np.ndarray:
    power = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
