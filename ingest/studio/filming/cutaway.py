"""Renders cutaway shots: paint being mixed on the palette, or paint pots and a tube."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.filming.hand import Hand, composite_hand
from ingest.studio.filming.props import draw_jar, draw_palette
from ingest.studio.filming.room import make_table
from ingest.studio.scene.palette import jitter, mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import Colour

_TURNS_A_SECOND = 1.1
"""Circles of the mixing brush in a second."""
_HAND_SCALE = 1.25
"""Size of the hand relative to that over the canvas."""


class Cutaways:
    """The two cutaway shots of a film; the canvas is not in them."""

    def __init__(
        self, rng: np.random.Generator, scene: Scene, frame_px: tuple[int, int], hand: Hand
    ) -> None:
        """`frame_px` is (width, height); `hand` is the painting hand."""
        self.frame_px, self.hand = frame_px, hand
        self.margin_px = round(0.08 * min(frame_px))
        size = (frame_px[0] + 2 * self.margin_px, frame_px[1] + 2 * self.margin_px)
        self.centre = (size[0] * rng.uniform(0.4, 0.6), size[1] * rng.uniform(0.42, 0.58))
        paints = [*scene.palette.sky, *scene.palette.grass, *scene.palette.flowers]
        first, second = rng.permutation(len(paints))[:2]
        self.mixed = (paints[first], paints[second])
        self.palette = self._palette_still(rng, scene, size)
        self.other = _pots_still(rng, scene, size)

    def _palette_still(
        self, rng: np.random.Generator, scene: Scene, size: tuple[int, int]
    ) -> np.ndarray:
        table = _table(rng, size)
        draw_palette(rng, table, scene, self.centre, round(1.7 * min(size)))
        return np.clip(table, 0, 255).astype(np.uint8)

    def frame(self, shot: str, time_s: float, since_s: float, move: np.ndarray) -> np.ndarray:
        """One frame, RGB uint8 (H, W, 3).

        Args:
            shot: palette or other.
            time_s: time in the film; it sets the position of the circling brush.
            since_s: seconds since the shot began; the paint is mixed more and more.
            move: camera motion, (3, 3).
        """
        still = self.palette if shot == "palette" else self.other
        into = move[:2].copy()
        into[:, 2] -= into[:, :2] @ np.full(2, float(self.margin_px))
        if shot != "palette":
            return cv2.warpAffine(still, into, self.frame_px, borderMode=cv2.BORDER_REPLICATE)
        reach = 0.09 * min(self.frame_px)
        angle = 2 * np.pi * _TURNS_A_SECOND * time_s
        tip = (self.centre[0] + reach * np.cos(angle), self.centre[1] + 0.7 * reach * np.sin(angle))
        picture, colour = still.copy(), self._mix(since_s)
        self._puddle(picture, reach, since_s, colour)
        frame = cv2.warpAffine(picture, into, self.frame_px, borderMode=cv2.BORDER_REPLICATE)
        place = into @ np.array([*tip, 1.0])
        composite_hand(frame, self.hand, (float(place[0]), float(place[1])), 0.15 * np.sin(angle),
                 colour, _HAND_SCALE)  # fmt: skip
        return frame

    def _mix(self, since_s: float) -> Colour:
        return mix(*self.mixed, 0.5 * min(since_s / 1.5, 1.0))

    def _puddle(self, picture: np.ndarray, reach: float, since_s: float, colour: Colour) -> None:
        """Draw the paint under the brush, which spreads and takes the mixed colour, in place."""
        x, y = round(self.centre[0]), round(self.centre[1])
        grown = 0.6 + 0.5 * min(since_s / 2, 1.0)
        for part, tone in ((1.25, shade(colour, 0.94)), (1.0, colour), (0.5, shade(colour, 1.06))):
            axes = (round(reach * grown * part) + 1, round(0.72 * reach * grown * part) + 1)
            cv2.ellipse(picture, (x, y), axes, 12, 0, 360, tone.tolist(), -1, cv2.LINE_AA)


def _table(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A table from above, RGB float32 (H, W, 3) of (width, height) `size`."""
    side = max(size) // 2 + 1
    table, _ = make_table(rng, side, (1, 1))
    return np.ascontiguousarray(table[: size[1], : size[0]])


def _pots_still(rng: np.random.Generator, scene: Scene, size: tuple[int, int]) -> np.ndarray:
    """Paint pots and a tube on a table in front of a blurred wall, RGB uint8 (H, W, 3)."""
    width, height = size
    picture = np.clip(_table(rng, size) * 0.9, 0, 255).astype(np.uint8)
    wall = jitter(rng, rgb(("#c9c4b8", "#8fa0a8", "#b8a48c")[rng.integers(3)]), 6)
    picture[: round(0.38 * height)] = np.clip(wall, 0, 255)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.012 * min(size))
    tall = 0.42 * min(size)
    for share in np.linspace(0.2, 0.8, int(rng.integers(2, 4))):
        foot = (width * (share + rng.uniform(-0.05, 0.05)), height * rng.uniform(0.58, 0.72))
        draw_jar(rng, picture, foot, tall * rng.uniform(0.8, 1.2), scene)
    _tube(rng, picture, scene)
    return picture


def _tube(rng: np.random.Generator, picture: np.ndarray, scene: Scene) -> None:
    """Draw a paint tube in front, with a blob at its mouth, in place."""
    height, width = picture.shape[:2]
    size = 0.3 * min(width, height)
    paint = scene.palette.flowers[int(rng.integers(3))]
    angle, middle = (
        rng.uniform(-0.4, 0.4),
        np.array([width * rng.uniform(0.35, 0.6), height * 0.88]),
    )
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * size

    def draw(corners: list[tuple[float, float]], colour: Colour) -> None:
        points = np.round(np.array(corners) @ turn.T + middle).astype(np.int32)
        cv2.fillPoly(picture, [points], np.clip(colour, 0, 255).tolist(), cv2.LINE_AA)

    draw([(-0.9, 0.2), (0.72, 0.2), (0.86, 0.1), (0.86, 0.28), (-0.9, 0.28)], rgb("#4a4038"))
    draw([(-0.9, -0.22), (0.7, -0.14), (0.7, 0.14), (-0.9, 0.22)], rgb("#dcdcd8"))
    draw([(-0.5, -0.19), (0.3, -0.16), (0.3, 0.16), (-0.5, 0.19)], paint)
    draw([(0.7, -0.07), (0.86, -0.07), (0.86, 0.07), (0.7, 0.07)], rgb("#8d8d8a"))
    blob = np.round(np.array([1.0, 0.03]) @ turn.T + middle).astype(int)
    axes = (round(0.16 * size), round(0.1 * size))
    cv2.ellipse(picture, (int(blob[0]), int(blob[1])), axes, 0, 0, 360, paint.tolist(), -1,
                cv2.LINE_AA)  # fmt: skip
