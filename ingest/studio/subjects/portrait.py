"""Paints a portrait (without its hair): wall, bust, face, eyes, mouth, hand, highlights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.scene.noise import Noise2D
from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.strokes.stroke import DAB, LINER, PENCIL, Colour, Touch
from ingest.studio.subjects.forms import BASE, MODEL, backdrop, ball_light, ellipse, fill, tone_at
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.sitter import Sitter

_SOLID = replace(BASE, rounded=True, softness=0.3)
"""A round brush that leaves no gaps."""


def face_outline(sitter: Sitter) -> np.ndarray:
    """Outline of the face: an egg that narrows to the chin, float32 (48, 2) in units."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    u, v = np.sin(t), -np.cos(t)
    narrow = 1 - 0.3 * np.clip(v, 0, 1) ** 1.6
    x = sitter.x + 0.355 * sitter.head * u * narrow + 0.03 * sitter.head * sitter.turn * v
    return np.stack([x, sitter.y + 0.5 * sitter.head * v], 1).astype(np.float32)


def paint_drawing(painter: Painter, sitter: Sitter) -> None:
    """Draw the outline of the face, its axes and the shoulders in thin lines."""
    line, rng = rgb("#6a4f40"), painter.rng
    shift = 0.12 * sitter.turn
    curves = [
        face_outline(sitter),
        np.array([sitter.at(shift, -0.5), sitter.at(shift * 1.6, 0.0), sitter.at(shift, 0.5)]),
        np.array([sitter.at(-0.35, 0.0), sitter.at(shift, 0.03), sitter.at(0.35, 0.0)]),
        _shoulders(sitter),
    ]
    for curve in curves:
        for part in np.array_split(curve, max(1, len(curve) // 6)):
            if len(part) > 1:
                painter.stroke(part + rng.normal(0, 0.0015, part.shape), 0.005, line, PENCIL)


def paint_wall(painter: Painter, sitter: Sitter) -> None:
    """Paint the background, lighter behind the shadow side of the head."""
    patches, scene = Noise2D(painter.rng, 0.3), sitter.scene

    def colour(x: float, y: float) -> Colour:
        lit = 0.55 - 0.5 * sitter.light_side * (x / scene.width - 0.5) - 0.15 * y
        return shade(sitter.wall, 0.68 + 0.5 * lit + 0.12 * patches(x, y))

    backdrop(painter, scene.width, scene.height, colour)


def _shoulders(sitter: Sitter) -> np.ndarray:
    """Outline of the clothes, float32 (N, 2) in units; it reaches below the canvas."""
    half = [(0.2, 0.62), (0.34, 0.7), (0.6, 0.79), (0.79, 0.92), (0.88, 1.2), (0.92, 2.0)]
    right = [sitter.at(u, v) for u, v in half]
    left = [sitter.at(-u, v) for u, v in half]
    return np.array([*left[::-1], sitter.at(0.0, 0.8), *right], np.float32)


def paint_bust(painter: Painter, sitter: Sitter) -> None:
    """Paint the clothes with folds, then the neck."""
    rng, side = painter.rng, sitter.light_side
    folds = Noise2D(rng, 0.11)

    def cloth(x: float, y: float) -> Colour:
        across = (x - sitter.x) / sitter.head
        lit = 0.5 + 0.3 * side * across - 0.2 * (y - sitter.y - 0.8 * sitter.head) / sitter.head
        return tone_at(sitter.clothes, float(np.clip(lit + 0.22 * folds(x, y * 0.4), 0, 1)))

    def fall(x: float, y: float) -> float:
        return float(np.pi / 2 - 0.7 * (x - sitter.x) / sitter.head + rng.normal(0, 0.15))

    fill(painter, _shoulders(sitter), cloth, 0.085 * sitter.head / 0.45, fall)
    neck = np.array([
        sitter.at(-0.19, 0.25), sitter.at(0.19, 0.25), sitter.at(0.2, 0.66), sitter.at(0.07, 0.86),
        sitter.at(-0.07, 0.86), sitter.at(-0.2, 0.66),
    ])  # fmt: skip

    def skin(x: float, y: float) -> Colour:
        u, v = (x - sitter.x) / sitter.head, (y - sitter.y) / sitter.head
        # The chin throws its shadow on the upper neck.
        lit = 0.42 + 1.3 * side * u - 0.35 * max(0.0, 0.62 - v) / 0.2
        return tone_at(sitter.skin, float(np.clip(lit, 0.02, 0.8)))

    fill(painter, neck, skin, 0.07 * sitter.head / 0.45, lambda x, y: float(rng.normal(1.4, 0.2)))
    for u in (-0.21, 0.21):
        collar = [sitter.at(u, 0.66), sitter.at(0.6 * u, 0.78), sitter.at(0.0, 0.88)]
        painter.stroke(collar, 0.035 * sitter.head, tone_at(sitter.clothes, 0.85), LINER)


def skin_at(sitter: Sitter, x: float, y: float) -> Colour:
    """Colour of the face at (x, y): a lit ellipsoid with redder cheeks and darker eye sockets."""
    light = ball_light(sitter.light_side, sitter.x, sitter.y, 0.42 * sitter.head, 0.6 * sitter.head)
    u, v = (x - sitter.x) / sitter.head, (y - sitter.y) / sitter.head
    axis = 0.12 * sitter.turn
    colour = tone_at(sitter.skin, 0.16 + 0.78 * light(x, y))
    for cheek in (-0.17, 0.17):
        warm = np.exp(-(((u - axis - cheek) / 0.1) ** 2) - ((v - 0.14) / 0.09) ** 2)
        colour = mix(colour, mix(sitter.skin[1], rgb("#b8433a"), 0.4), 0.35 * float(warm))
        socket = np.exp(-(((u - axis - cheek) / 0.1) ** 2) - ((v + 0.03) / 0.055) ** 2)
        colour = mix(colour, sitter.skin[0], 0.38 * float(socket))
    return colour


def paint_face(painter: Painter, sitter: Sitter) -> None:
    """Paint ears, face and nose."""
    rng, size = painter.rng, sitter.head
    for u in (-0.36, 0.36):
        # The ear on the far side is hidden.
        if u * sitter.turn < 0.25:
            ear = ellipse(*sitter.at(u, 0.05), 0.05 * size, 0.1 * size)
            fill(painter, ear, lambda x, y: tone_at(sitter.skin, 0.34), 0.035 * size, model=False)

    def along(x: float, y: float) -> float:
        return float(np.arctan2(y - sitter.y, x - sitter.x) + np.pi / 2 + rng.normal(0, 0.2))

    fill(painter, face_outline(sitter), lambda x, y: skin_at(sitter, x, y), 0.075 * size, along)
    axis, side = 0.12 * sitter.turn, sitter.light_side
    bridge = [sitter.at(axis - side * 0.03, -0.03), sitter.at(axis * 1.3 - side * 0.05, 0.13),
              sitter.at(axis * 1.5 - side * 0.06, 0.2)]  # fmt: skip
    painter.stroke(bridge, 0.035 * size, tone_at(sitter.skin, 0.3), MODEL)
    lit = [sitter.at(axis + side * 0.005, -0.05), sitter.at(axis * 1.4, 0.17)]
    painter.stroke(lit, 0.04 * size, tone_at(sitter.skin, 0.9), replace(MODEL, opacity=0.8))
    tip = sitter.at(axis * 1.6, 0.19)
    painter.dab(*tip, 0.085 * size, mix(tone_at(sitter.skin, 0.62), rgb("#b0463c"), 0.15), MODEL,
                0.0, 1.1)  # fmt: skip
    for u in (-0.04, 0.04):
        painter.dab(*sitter.at(axis * 1.6 + u, 0.222), 0.024 * size, sitter.skin[0], DAB, 0.3, 1.2)
    under = [sitter.at(axis * 1.5 - 0.07, 0.225), sitter.at(axis * 1.5, 0.245),
             sitter.at(axis * 1.5 + 0.07, 0.225)]  # fmt: skip
    painter.stroke(under, 0.016 * size, tone_at(sitter.skin, 0.15), replace(LINER, opacity=0.6))


def paint_eyes(painter: Painter, sitter: Sitter) -> None:
    """Paint both eyes: white, iris, pupil, lids, brow."""
    size, axis = sitter.head, 0.12 * sitter.turn
    for u in (-0.155, 0.155):
        # The far eye is foreshortened.
        wide = 0.075 * (1 - 0.25 * max(0.0, np.sign(u) * sitter.turn))
        x, y = sitter.at(axis + u, -0.015)
        lens = ellipse(x, y, wide * size, 0.025 * size)
        fill(painter, lens, lambda a, b: mix(rgb("#e8e2d8"), sitter.skin[1], 0.2), 0.025 * size,
             model=False)  # fmt: skip
        gaze = x + 0.012 * sitter.turn * size
        painter.dab(gaze, y, 0.056 * size, sitter.iris, _SOLID, 0.0, 0.1)
        painter.dab(gaze, y, 0.028 * size, rgb("#14100e"), _SOLID, 0.0, 0.1)
        lid = [(x - wide * size, y + 0.004 * size), (x, y - 0.038 * size),
               (x + wide * size, y + 0.002 * size)]  # fmt: skip
        painter.stroke(lid, 0.02 * size, mix(sitter.skin[0], rgb("#1a1210"), 0.6), LINER)
        low = [(x - wide * size, y + 0.006 * size), (x, y + 0.036 * size), (x + wide * size, y)]
        painter.stroke(low, 0.008 * size, sitter.skin[0], replace(LINER, opacity=0.6))
        brow = [sitter.at(axis + u - 0.1, -0.1), sitter.at(axis + u * 1.05, -0.14),
                sitter.at(axis + u + 0.1, -0.1)]  # fmt: skip
        if u < 0:
            brow = brow[::-1]
        painter.stroke(brow, 0.022 * size, sitter.hair[0], replace(LINER, taper=0.7, dryness=0.2))


def paint_mouth(painter: Painter, sitter: Sitter) -> None:
    """Paint the shadow below the mouth, the lips, the line between them, a highlight."""
    size, axis = sitter.head, 0.14 * sitter.turn

    def lip(bend: float, drop: float) -> list[tuple[float, float]]:
        return [sitter.at(axis - 0.11, 0.314), sitter.at(axis, 0.32 + bend + drop),
                sitter.at(axis + 0.11, 0.314)]  # fmt: skip

    painter.stroke(lip(0.05, 0.05), 0.03 * size, tone_at(sitter.skin, 0.25), MODEL)
    painter.stroke(lip(0.03, 0.006), 0.048 * size, mix(sitter.lips, sitter.skin[2], 0.2), _SOLID)
    painter.stroke(lip(-0.004, 0.0), 0.03 * size, shade(sitter.lips, 0.74), _SOLID)
    painter.stroke(lip(0.006, 0.002), 0.01 * size, shade(sitter.lips, 0.42), LINER)
    shine = sitter.at(axis + 0.02 * sitter.light_side, 0.345)
    painter.dab(*shine, 0.014 * size, mix(sitter.lips, rgb("#ffffff"), 0.45), MODEL, 0.0, 2.5)


def paint_hand(painter: Painter, sitter: Sitter) -> None:
    """Paint the sitter's hand on the chest or at the chin: sleeve, back, fingers, nails."""
    side, size = -sitter.light_side, sitter.head
    if sitter.hand == "chin":
        wrist, knuckles = (side * 0.42, 1.05), (side * 0.3, 0.68)
        ends = [(side * (0.1 + 0.055 * i), 0.42 + 0.035 * i) for i in range(4)]
    else:
        wrist, knuckles = (side * 0.56, 1.12), (side * 0.27, 0.98)
        ends = [(-side * (0.06 - 0.02 * i), 0.88 + 0.075 * i) for i in range(4)]
    elbow = (side * 0.85, 1.6)
    _limb(painter, sitter, [elbow, wrist], 0.24, tone_at(sitter.clothes, 0.55), _SOLID)
    _limb(painter, sitter, [elbow, wrist], 0.1, tone_at(sitter.clothes, 0.8), MODEL)
    _limb(painter, sitter, [wrist, knuckles], 0.2, tone_at(sitter.skin, 0.36), _SOLID)
    _limb(painter, sitter, [wrist, knuckles], 0.15, tone_at(sitter.skin, 0.62), _SOLID)
    _limb(painter, sitter, [wrist, knuckles], 0.07, tone_at(sitter.skin, 0.84), MODEL)
    along = np.array(knuckles) - np.array(wrist)
    across = np.array([-along[1], along[0]]) / np.hypot(*along)
    across *= np.sign(across @ (np.array(ends[3]) - np.array(ends[0])))
    for index, end in enumerate(ends):
        root = np.array(knuckles) + across * (index - 1.5) * 0.058
        bend = (root + np.array(end)) / 2 - 0.02 * along / np.hypot(*along)
        path = [(float(root[0]), float(root[1])), (float(bend[0]), float(bend[1])), end]
        _limb(painter, sitter, path, 0.078, tone_at(sitter.skin, 0.16), _SOLID)
        _limb(painter, sitter, path, 0.06, tone_at(sitter.skin, 0.58), _SOLID)
        _limb(painter, sitter, path, 0.026, tone_at(sitter.skin, 0.88), MODEL)
        nail = sitter.at(end[0] * 0.98 + 0.02 * bend[0], end[1])
        painter.dab(*nail, 0.026 * size, mix(sitter.skin[2], rgb("#f0b8b0"), 0.6), DAB, 0.4, 1.2)


def _limb(
    painter: Painter, sitter: Sitter, path: list[tuple[float, float]], width: float,
    colour: Colour, touch: Touch,
) -> None:  # fmt: skip
    """Add a stroke along places in the face, see `Sitter.at`; `width` in heads."""
    points = [sitter.at(u, v) for u, v in path]
    painter.stroke(points, width * sitter.head, colour, replace(touch, taper=0.15), variation=3)


def paint_lights(painter: Painter, sitter: Sitter) -> None:
    """Paint highlights in the eyes, on nose, forehead and cheek, and one to three buttons."""
    size, axis, side = sitter.head, 0.12 * sitter.turn, sitter.light_side
    for u in (-0.155, 0.155):
        x, y = sitter.at(axis + u + 0.012 * sitter.turn + 0.012 * side, -0.028)
        painter.dab(x, y, 0.013 * size, rgb("#fffdf6"), _SOLID, 0.0, 0.2)
    glow = replace(MODEL, opacity=0.28, softness=1.0)
    pale = mix(sitter.skin[2], rgb("#fff4e6"), 0.5)
    for u, v, width in ((axis * 1.6 + 0.01 * side, 0.17, 0.03), (axis + 0.14 * side, -0.3, 0.1),
                        (axis + 0.2 * side, 0.09, 0.07)):  # fmt: skip
        painter.dab(*sitter.at(u, v), width * size, pale, glow, 0.5, 1.4)
    for index in range(int(painter.rng.integers(1, 4))):
        spot = sitter.at(0.02, 1.0 + 0.14 * index)
        painter.dab(*spot, 0.03 * size, tone_at(sitter.clothes, 1.0), DAB, 0.0, 0.2)
