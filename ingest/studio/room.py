"""What stands around the canvas: a wooden table, a palette, jars; and the cards of the film."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.palette import jitter, mix, rgb, shade
from ingest.studio.scene import Scene
from ingest.studio.stroke import Colour

_WOODS = ("#b98a5a", "#8a5f3c", "#d0aa7c", "#6d4c36", "#a8a29a", "#c99f72")


def make_room(
    rng: np.random.Generator,
    scene: Scene,
    pose: np.ndarray,
    canvas_px: tuple[int, int],
    frame_px: tuple[int, int],
    margin_px: int,
) -> np.ndarray:
    """The view without canvas and hand.

    Args:
        pose: homography from canvas pixels to frame pixels.
        canvas_px, frame_px: (width, height).
        margin_px: how far the picture reaches beyond the frame on every side.

    Returns:
        RGB uint8 (H + 2 margin, W + 2 margin, 3).
    """
    width, height = frame_px[0] + 2 * margin_px, frame_px[1] + 2 * margin_px
    moved = np.array([[1, 0, margin_px], [0, 1, margin_px], [0, 0, 1.0]]) @ pose
    side = min(canvas_px)
    table, origin = _table(rng, side, canvas_px)
    _palette(rng, table, scene, origin, canvas_px, side)
    into = moved @ np.array([[1, 0, -origin[0]], [0, 1, -origin[1]], [0, 0, 1.0]])
    room = cv2.warpPerspective(
        table, into, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    )
    for x in (rng.uniform(0.15, 0.35), rng.uniform(0.55, 0.75)):
        place = _project(moved, (canvas_px[0] * x, -0.1 * side))
        _jar(rng, room, place, side * rng.uniform(0.16, 0.22), scene)
    _canvas_edges(room, moved, canvas_px, side)
    light = _light(rng, width, height)
    return np.clip(room * light[..., None], 0, 255).astype(np.uint8)


def _project(matrix: np.ndarray, point: tuple[float, float]) -> tuple[float, float]:
    x, y, w = matrix @ np.array([*point, 1.0])
    return float(x / w), float(y / w)


def _table(
    rng: np.random.Generator, side: int, canvas_px: tuple[int, int]
) -> tuple[np.ndarray, tuple[float, float]]:
    """Planks with grain in the table's plane; returns the picture and the canvas's corner in it."""
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


def _palette(
    rng: np.random.Generator,
    table: np.ndarray,
    scene: Scene,
    origin: tuple[float, float],
    canvas_px: tuple[int, int],
    side: int,
) -> None:
    """A mixing palette to the right of the canvas with the colours of this painting."""
    x = round(origin[0] + canvas_px[0] + side * 0.24)
    y = round(origin[1] + canvas_px[1] * rng.uniform(0.3, 0.7))
    axes = (round(side * 0.17), round(side * 0.25))
    shadow = np.zeros(table.shape[:2], np.float32)
    cv2.ellipse(shadow, (x + side // 50, y + side // 40), axes, 8, 0, 360, 1.0, -1, cv2.LINE_AA)
    table *= (1 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), max(side / 60, 1)))[..., None]
    body = rgb("#f1eee6") if rng.random() < 0.6 else rgb("#c79a66")
    cv2.ellipse(table, (x, y), axes, 8, 0, 360, body.tolist(), -1, cv2.LINE_AA)
    cv2.ellipse(
        table, (x, y), axes, 8, 0, 360, shade(body, 0.72).tolist(), max(1, side // 160), cv2.LINE_AA
    )
    paints = [
        *scene.palette.sky,
        *scene.palette.grass,
        *scene.palette.leaf,
        scene.palette.sun,
        *scene.palette.earth,
    ]
    for index, paint in enumerate(paints):
        angle = 2 * np.pi * index / len(paints)
        u = x + round(np.cos(angle) * axes[0] * 0.72 + rng.normal(0, 2))
        v = y + round(np.sin(angle) * axes[1] * 0.76 + rng.normal(0, 2))
        size = max(2, round(side * rng.uniform(0.016, 0.034)))
        cv2.ellipse(
            table,
            (u, v),
            (size, round(size * 0.8)),
            float(rng.uniform(0, 90)),
            0,
            360,
            paint.tolist(),
            -1,
            cv2.LINE_AA,
        )
        glint = mix(paint, rgb("#ffffff"), 0.45).tolist()
        cv2.circle(table, (u - size // 3, v - size // 3), max(1, size // 4), glint, -1, cv2.LINE_AA)


def _jar(
    rng: np.random.Generator, room: np.ndarray, foot: tuple[float, float], tall: float, scene: Scene
) -> None:
    """A paint pot or a water glass, standing upright in the frame."""
    x, y = foot
    half, flat = tall * rng.uniform(0.32, 0.42), tall * 0.13
    paint: Colour = scene.palette.flowers[0] if rng.random() < 0.5 else scene.palette.sky[0]
    body = rgb("#eceae6") if rng.random() < 0.6 else mix(rgb("#c8d8dc"), paint, 0.4)
    left, right = round(x - half), round(x + half)
    shadow = np.zeros(room.shape[:2], np.float32)
    cv2.ellipse(
        shadow,
        (round(x + half * 0.6), round(y)),
        (round(half * 1.3), round(flat * 1.5)),
        0,
        0,
        360,
        1.0,
        -1,
    )
    room[:] = np.clip(
        room * (1 - 0.4 * cv2.GaussianBlur(shadow, (0, 0), max(half * 0.2, 1)))[..., None], 0, 255
    )
    low, high = round(y), round(y - tall)
    columns = np.arange(max(left, 0), min(right + 1, room.shape[1]))
    for row in range(max(high, 0), min(low + round(flat), room.shape[0])):
        bulge = (row - low) / max(flat, 1)
        reach = half * np.sqrt(max(0.0, 1 - bulge * bulge)) if bulge > 0 else half
        inside = columns[np.abs(columns - x) <= reach]
        offset = (inside - x) / half
        label = 0.35 < (low - row) / tall < 0.75
        colour = mix(body, paint, 0.75) if label else body
        room[row, inside] = (
            colour * (0.62 + 0.4 * np.sqrt(np.clip(1 - (offset + 0.25) ** 2, 0, 1)))[:, None]
        )
    centre = (round(x), high)
    cv2.ellipse(
        room,
        centre,
        (round(half), round(flat)),
        0,
        0,
        360,
        shade(body, 0.95).tolist(),
        -1,
        cv2.LINE_AA,
    )
    cv2.ellipse(
        room,
        centre,
        (round(half * 0.84), round(flat * 0.8)),
        0,
        0,
        360,
        shade(paint, 0.85).tolist(),
        -1,
        cv2.LINE_AA,
    )


def _canvas_edges(
    room: np.ndarray, pose: np.ndarray, canvas_px: tuple[int, int], side: int
) -> None:
    """Shadow and thickness of the stretched canvas."""
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
    """A lamp or a window from one side: float32 (H, W) about 1."""
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    fall = 0.07 * (np.cos(angle) * x + np.sin(angle) * y)
    return 1 + fall - 0.09 * (x * x + y * y)


def make_card(
    rng: np.random.Generator, frame_px: tuple[int, int], scene: Scene, lines: tuple[str, ...]
) -> np.ndarray:
    """A title: text on a plain ground with a painted bar; RGB uint8 (H, W, 3)."""
    width, height = frame_px
    dark = bool(rng.random() < 0.5)
    ground = (
        mix(rgb("#17181c"), scene.palette.sky[0], 0.25)
        if dark
        else mix(rgb("#f6f2ea"), scene.palette.sky[2], 0.2)
    )
    ink = rgb("#f4efe6") if dark else rgb("#2a2622")
    card = np.empty((height, width, 3), np.float32)
    card[:] = ground
    cv2.rectangle(
        card,
        (0, round(height * 0.68)),
        (width, round(height * 0.7)),
        scene.palette.flowers[0].tolist(),
        -1,
    )
    for index, line in enumerate(lines):
        size = height / 420 * (1.0 if index == 0 else 0.6)
        font, thick = cv2.FONT_HERSHEY_COMPLEX, max(1, round(size * 1.8))
        (w, h), _ = cv2.getTextSize(line, font, size, thick)
        size = min(size, size * width * 0.86 / max(w, 1))
        (w, h), _ = cv2.getTextSize(line, font, size, thick)
        place = ((width - w) // 2, round(height * (0.46 + 0.14 * index)) + h // 2)
        cv2.putText(card, line, place, font, size, ink.tolist(), thick, cv2.LINE_AA)
    return card.astype(np.uint8)
