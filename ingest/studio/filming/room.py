"""Renders the background of a film: a wooden table with props and the light on it."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.filming.props import draw_jar, draw_palette
from ingest.studio.scene.palette import jitter, rgb
from ingest.studio.scene.scene import Scene

_WOODS = ("#b98a5a", "#8a5f3c", "#d0aa7c", "#6d4c36", "#a8a29a", "#c99f72")
"""Colours of the table."""


def make_room(
    rng: np.random.Generator,
    scene: Scene,
    pose: np.ndarray,
    canvas_px: tuple[int, int],
    frame_px: tuple[int, int],
    margin_px: int,
    canvas_pose: np.ndarray | None = None,
) -> np.ndarray:
    """Render the scene without canvas picture and hands.

    Args:
        pose: homography from canvas pixels to frame pixels.
        canvas_px, frame_px: (width, height).
        margin_px: margin around the frame on every side.
        canvas_pose: pose of a displaced canvas; `pose` is then that of the table.

    Returns:
        RGB uint8 (H + 2 margin, W + 2 margin, 3).
    """
    width, height = frame_px[0] + 2 * margin_px, frame_px[1] + 2 * margin_px
    moved = _margin(margin_px) @ pose
    side = min(canvas_px)
    table, origin = make_table(rng, side, canvas_px)
    centre = (
        origin[0] + canvas_px[0] + side * 0.24,
        origin[1] + canvas_px[1] * rng.uniform(0.3, 0.7),
    )
    draw_palette(rng, table, scene, centre, side)
    into = moved @ np.array([[1, 0, -origin[0]], [0, 1, -origin[1]], [0, 0, 1.0]])
    room = cv2.warpPerspective(
        table, into, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    )
    for x in (rng.uniform(0.15, 0.35), rng.uniform(0.55, 0.75)):
        place = _project(moved, (canvas_px[0] * x, -0.1 * side))
        draw_jar(rng, room, place, side * rng.uniform(0.16, 0.22), scene)
    lying = moved if canvas_pose is None else _margin(margin_px) @ canvas_pose
    _canvas_edges(room, lying, canvas_px, side)
    light = _light(rng, width, height)
    return np.clip(room * light[..., None], 0, 255).astype(np.uint8)


def _margin(margin_px: int) -> np.ndarray:
    """Translation (3, 3) from frame pixels to those of a picture with a margin around it."""
    return np.array([[1, 0, margin_px], [0, 1, margin_px], [0, 0, 1.0]])


def _project(matrix: np.ndarray, point: tuple[float, float]) -> tuple[float, float]:
    x, y, w = matrix @ np.array([*point, 1.0])
    return float(x / w), float(y / w)


def make_table(
    rng: np.random.Generator, side: int, canvas_px: tuple[int, int]
) -> tuple[np.ndarray, tuple[float, float]]:
    """A table of planks from above: RGB float32 (H, W, 3), and the canvas's corner (x, y) in it."""
    reach = int(side * 1.0)
    width, height = canvas_px[0] + 2 * reach, canvas_px[1] + 2 * reach
    wood = jitter(rng, rgb(_WOODS[rng.integers(len(_WOODS))]), 6)
    upright = rng.random() < 0.4
    rows, columns = (width, height) if upright else (height, width)
    plank_px = max(8, round(side * rng.uniform(0.2, 0.34)))
    table = np.empty((rows, columns, 3), np.float32)
    for top in range(0, rows, plank_px):
        tall = min(plank_px, rows - top)
        base = jitter(rng, wood, 5)
        grain = rng.normal(0, 1, (tall, max(columns // 24, 2))).astype(np.float32)
        grain = cv2.resize(grain, (columns, tall), interpolation=cv2.INTER_CUBIC)
        grain = cv2.GaussianBlur(
            grain, (0, 0), sigmaX=max(side / 40, 1), sigmaY=max(side / 500, 0.4)
        )
        wave = np.linspace(0, 9, tall)[:, None] + 1.6 * grain
        tone = 1 + 0.075 * grain + 0.06 * np.sin(wave * 2.2)
        table[top : top + tall] = base * tone[..., None]
        table[top : top + max(1, side // 220)] *= 0.55
    if upright:
        table = np.ascontiguousarray(table.transpose(1, 0, 2))
    return np.clip(table, 0, 255), (float(reach), float(reach))


def _canvas_edges(
    room: np.ndarray, pose: np.ndarray, canvas_px: tuple[int, int], side: int
) -> None:
    """Draw shadow and side faces of the stretched canvas into the room, in place."""
    width, height = canvas_px
    thick = side * 0.022
    corners = np.array(
        [
            _project(pose, p)
            for p in ((0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1))
        ]
    )
    shadow = np.zeros(room.shape[:2], np.float32)
    cv2.fillPoly(shadow, [np.round(corners + (thick * 0.9, thick * 1.3)).astype(np.int32)], 1.0)
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(thick * 0.6, 1))
    room[:] = np.clip(room * (1 - 0.55 * shadow)[..., None], 0, 255)
    drop = np.array([0.0, thick])
    for first, second, tone in ((3, 2, 176), (2, 1, 150)):
        plane = np.array(
            [corners[first], corners[second], corners[second] + drop, corners[first] + drop]
        )
        cv2.fillPoly(
            room, [np.round(plane).astype(np.int32)], (tone, tone - 4, tone - 12), cv2.LINE_AA
        )
    grown = corners + np.sign(corners - corners.mean(axis=0)) * 1.0
    cv2.fillPoly(room, [np.round(grown).astype(np.int32)], (205, 202, 194), cv2.LINE_AA)


def _light(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Brightness under light from one side, float32 (H, W) near 1."""
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    fall = 0.07 * (np.cos(angle) * x + np.sin(angle) * y)
    return 1 + fall - 0.09 * (x * x + y * y)
