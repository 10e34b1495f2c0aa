"""Renders somebody who talks to the camera, as flat moving shapes."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.scene.compose_scene import compose_scene
from ingest.studio.scene.palette import rgb
from ingest.studio.strokes.stroke import Colour
from ingest.studio.subjects.forms import Tones, tone_at
from ingest.studio.subjects.sitter import make_sitter

Point = tuple[float, float]


class Talker:
    """Head and shoulders in front of a room; a hand gestures now and then."""

    def __init__(self, rng: np.random.Generator, seed: int, room: np.ndarray) -> None:
        """`room` is the background, RGB uint8 (H, W, 3); frames have its size."""
        self.room = room
        self.sitter = make_sitter(seed, compose_scene(seed, room.shape[1] / room.shape[0]))
        self.phases = rng.uniform(0, 6, 6)
        self.unit_px = 0.5 * min(room.shape[:2])

    def frame(self, time_s: float) -> np.ndarray:
        """The picture at a time, RGB uint8 (H, W, 3)."""
        image, a = self.room.copy(), self.phases
        sway = 0.05 * np.sin(0.9 * time_s + a[0]) + 0.02 * np.sin(2.3 * time_s + a[1])
        nod = 0.025 * np.sin(1.7 * time_s + a[2])
        skin, hair, clothes = self.sitter.skin, self.sitter.hair, self.sitter.clothes
        self._round(image, (0.4 * sway, 1.35), (0.95, 0.62), clothes)
        self._round(image, (0.7 * sway, 0.6), (0.18, 0.3), skin, 0.4)
        self._round(image, (sway, nod - 0.06), (0.42, 0.54), hair, 0.4)
        self._round(image, (sway, nod + 0.02), (0.35, 0.46), skin)
        for side in (-0.14, 0.14):
            blink = 0.006 if np.sin(2.1 * time_s + a[3]) > 0.97 else 0.032
            self._flat(image, (sway + side, nod - 0.05), (0.06, blink), rgb("#ece8e2"))
            self._flat(image, (sway + side, nod - 0.05), (0.026, min(blink, 0.026)), hair[0])
            self._flat(image, (sway + side, nod - 0.14), (0.085, 0.013), hair[0])
        self._flat(image, (sway, nod + 0.1), (0.035, 0.05), tone_at(skin, 0.4))
        talks = abs(np.sin(7.3 * time_s + a[4])) * (np.sin(0.8 * time_s) > -0.7)
        self._flat(image, (sway, nod + 0.26), (0.11, 0.02 + 0.05 * talks), self.sitter.lips)
        self._flat(image, (sway, nod + 0.26), (0.085, 0.003 + 0.035 * talks), skin[0] * 0.3)
        self._gesture(image, time_s)
        return cv2.GaussianBlur(image, (0, 0), 0.8)

    def _gesture(self, image: np.ndarray, time_s: float) -> None:
        """Draw a hand that rises beside the face and waves, in place."""
        lift = max(0.0, np.sin(0.7 * time_s + self.phases[5]))
        if lift <= 0:
            return
        x, y = 0.62 + 0.08 * np.sin(5 * time_s), 1.5 - 0.95 * lift
        self._round(image, (x + 0.12, y + 0.55), (0.16, 0.5), self.sitter.clothes, 0.5)
        for finger in range(4):
            place = (x - 0.09 + 0.06 * finger, y - 0.17 - 0.02 * (finger in (1, 2)))
            self._round(image, place, (0.032, 0.11), self.sitter.skin)
        self._round(image, (x, y), (0.13, 0.14), self.sitter.skin)

    def _place(self, point: Point) -> tuple[int, int]:
        height, width = self.room.shape[:2]
        x = width / 2 + point[0] * self.unit_px
        return round(float(x)), round(float(0.42 * height + point[1] * self.unit_px))

    def _flat(self, image: np.ndarray, point: Point, axes: Point, colour: Colour) -> None:
        size = round(axes[0] * self.unit_px), max(round(float(axes[1] * self.unit_px)), 1)
        tone = np.clip(colour, 0, 255).tolist()
        cv2.ellipse(image, self._place(point), size, 0, 0, 360, tone, -1, cv2.LINE_AA)

    def _round(
        self, image: np.ndarray, point: Point, axes: Point, tones: Tones, light: float = 0.62
    ) -> None:
        """Draw an ellipse with a lit side, in place."""
        side = self.sitter.light_side
        for part, level in ((1.0, 0.35), (0.86, 0.75), (0.55, 1.0)):
            shift = 0.55 * (1 - part) * axes[0] * side
            lifted = (point[0] + shift, point[1] - 0.4 * (1 - part) * axes[1])
            self._flat(
                image, lifted, (axes[0] * part, axes[1] * part), tone_at(tones, light * level)
            )
