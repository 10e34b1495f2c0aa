"""A hand with a brush, drawn once as a sprite and turned over the canvas in every frame.

The hand is a set of capsules (bones with flesh) shaded as round bodies; the brush lies between the
thumb and the index finger. Coordinates: origin at the brush tip, x right, y down, unit = `unit_px`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.studio.palette import jitter, mix, rgb, shade
from ingest.studio.stroke import Colour

_SHADOW_LIGHT = np.round(255 - 0.42 * np.arange(256)).astype(np.uint8)
"""Light that a shadow of each density leaves."""

Capsule = tuple[tuple[float, float], tuple[float, float], float, float]
"""Start, end, radius at start, radius at end."""

_FOREARM: list[Capsule] = [((0.6, 0.2), (2.4, 1.3), 0.07, 0.17)]
_SLEEVE: list[Capsule] = [((0.82, 0.335), (2.5, 1.36), 0.112, 0.24)]
_PALM: list[Capsule] = [
    ((0.42, 0.03), (0.61, 0.195), 0.08, 0.072),
    ((0.435, 0.125), (0.6, 0.215), 0.074, 0.066),
]
_FINGERS: list[list[Capsule]] = [
    [((0.44, 0.17), (0.345, 0.175), 0.036, 0.031), ((0.345, 0.175), (0.315, 0.225), 0.03, 0.025)],
    [((0.43, 0.11), (0.315, 0.105), 0.038, 0.033), ((0.315, 0.105), (0.275, 0.165), 0.033, 0.028)],
    [((0.42, 0.04), (0.29, 0.03), 0.04, 0.035), ((0.29, 0.03), (0.22, -0.035), 0.034, 0.028)],
]
_GRIP: list[list[Capsule]] = [
    [((0.46, 0.16), (0.335, 0.05), 0.05, 0.037), ((0.335, 0.05), (0.222, -0.085), 0.036, 0.028)],
    [((0.42, -0.02), (0.345, -0.16), 0.043, 0.037), ((0.345, -0.16), (0.225, -0.15), 0.035, 0.026)],
]
_NAILS = ((0.238, -0.157, -0.08), (0.232, -0.072, 0.87))
_AXIS = np.array([0.83, -0.56])
"""Direction of the brush from its tip to its end."""
_SKINS = ("#e8b896", "#d9a07a", "#c68863", "#9c6644", "#6f4630", "#f0c8ac")
_SLEEVES = ("#3f5873", "#7a3f42", "#4d4d4d", "#d8d0c0", "#5a6b4a", "#2b2b33")


@dataclass(frozen=True, eq=False)
class Hand:
    """A sprite. All arrays have one size; `origin_px` is where the brush tip is in it."""

    rgba: np.ndarray
    """uint8 (H, W, 4): colour and coverage."""
    extra: np.ndarray
    """uint8 (H, W, 2): shadow on the canvas, and where the brush carries paint."""
    origin_px: tuple[float, float]
    wrist_px: float
    """Length that a turn of the wrist is measured by."""


def make_hand(rng: np.random.Generator, unit_px: float) -> Hand:
    """Draw a hand of random skin, sleeve and brush; `unit_px` is about three widths of a hand."""
    left, top, right, bottom = -0.08, -0.62, 2.45, 1.6
    size = (round((right - left) * unit_px), round((bottom - top) * unit_px))
    sheet = _Sheet(size, (left, top), unit_px)
    skin = jitter(rng, rgb(_SKINS[rng.integers(len(_SKINS))]), 5)
    cloth = jitter(rng, rgb(_SLEEVES[rng.integers(len(_SLEEVES))]), 6)
    sheet.body(_FOREARM, skin)
    if rng.random() < 0.75:
        sheet.body(_SLEEVE, cloth, roughness=0.05, is_open=True)
    sheet.body(_PALM, skin)
    for finger in _FINGERS:
        sheet.body(finger, shade(skin, 0.97))
    sheet.contact(_GRIP)
    tip = _brush(sheet, rng)
    for finger in _GRIP:
        sheet.body(finger, skin)
    for x, y, angle in _NAILS:
        sheet.nail(x, y, angle, mix(skin, rgb("#f6d8d0"), 0.6))
    coverage = (sheet.alpha * 255).astype(np.uint8)
    colour = np.clip(cv2.GaussianBlur(sheet.colour, (0, 0), 0.6), 0, 255).astype(np.uint8)
    shadow = _shadow(sheet.alpha, unit_px)
    return Hand(
        np.dstack([colour, coverage]),
        np.dstack([shadow, (tip * 255).astype(np.uint8)]),
        (-left * unit_px, -top * unit_px),
        unit_px,
    )


class _Sheet:
    """The sprite while it is drawn."""

    def __init__(self, size: tuple[int, int], corner: tuple[float, float], unit_px: float) -> None:
        self.unit_px, self.corner = unit_px, corner
        self.x = (np.arange(size[0], dtype=np.float32) + 0.5) / unit_px + corner[0]
        self.y = ((np.arange(size[1], dtype=np.float32) + 0.5) / unit_px + corner[1])[:, None]
        self.colour = np.zeros((size[1], size[0], 3), np.float32)
        self.alpha = np.zeros((size[1], size[0]), np.float32)

    def capsule(self, bone: Capsule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signed depth below the surface's edge, and the offset from the bone (x, y), in units."""
        (x0, y0), (x1, y1), r0, r1 = bone
        dx, dy = x1 - x0, y1 - y0
        share = np.clip(((self.x - x0) * dx + (self.y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        u, v = self.x - x0 - share * dx, self.y - y0 - share * dy
        radius = r0 + share * (r1 - r0)
        return radius - np.sqrt(u * u + v * v), u / radius, v / radius

    def body(
        self, bones: list[Capsule], colour: Colour, roughness: float = 0.0, is_open: bool = False
    ) -> None:
        """A limb of joined capsules, lit from the upper left, with a darker far edge; a sleeve is
        open, so it begins straight."""
        depths, us, vs = zip(*(self.capsule(bone) for bone in bones), strict=True)
        depth = np.maximum.reduce(depths)
        if is_open:
            (x0, y0), (x1, y1), _, _ = bones[0]
            chord = np.hypot(x1 - x0, y1 - y0)
            depth = np.minimum(
                depth, ((self.x - x0) * (x1 - x0) + (self.y - y0) * (y1 - y0)) / chord
            )
        which = np.argmax(np.stack(depths), axis=0)
        u, v = np.choose(which, us), np.choose(which, vs)
        up = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
        light = 0.5 + 0.62 * np.clip(-0.42 * u - 0.55 * v + 0.72 * up, 0, 1)
        if roughness:
            folds = np.sin((self.x * 31 + self.y * 17) + 2.5 * np.sin(self.x * 23 - self.y * 29))
            light = light * (1 + roughness * folds * (0.4 + 0.6 * up))
        alpha = np.clip(depth * self.unit_px + 0.5, 0, 1)
        # Shaded flesh turns red, lit flesh pale.
        warm = np.array([1.0, 0.96, 0.93], np.float32) ** (2 - 2 * light[..., None])
        self.paint(alpha, colour * light[..., None] * warm)

    def contact(self, limbs: list[list[Capsule]]) -> None:
        """The shadow that thumb and finger throw on what is below them."""
        for limb in limbs:
            for bone in limb:
                depth, _, _ = self.capsule(bone)
                dark = np.clip(1 + depth / 0.035, 0, 1)
                self.colour *= (1 - 0.32 * dark)[..., None]

    def nail(self, x: float, y: float, angle: float, colour: Colour) -> None:
        """A finger nail centred on (x, y)."""
        a = (self.x - x) * np.cos(angle) + (self.y - y) * np.sin(angle)
        b = -(self.x - x) * np.sin(angle) + (self.y - y) * np.cos(angle)
        inside = 1 - (a / 0.02) ** 2 - (b / 0.0145) ** 2
        self.paint(np.clip(inside * 3, 0, 0.75), np.broadcast_to(colour, self.colour.shape))

    def paint(self, alpha: np.ndarray, colour: np.ndarray) -> None:
        self.colour += alpha[..., None] * (colour - self.colour)
        self.alpha = np.maximum(self.alpha, alpha)


def _brush(sheet: _Sheet, rng: np.random.Generator) -> np.ndarray:
    """Bristles, ferrule, tapering handle; returns where the bristles are, float32 in [0, 1]."""
    handle = rgb(("#8a2f24", "#d9b27c", "#23262b", "#2f5f8a", "#a8743c")[rng.integers(5)])
    thick = rng.uniform(0.016, 0.026)
    along = sheet.x * _AXIS[0] + sheet.y * _AXIS[1]
    across = -sheet.x * _AXIS[1] + sheet.y * _AXIS[0]
    knots = [0.0, 0.03, 0.075, 0.15, 0.17, 0.3, 0.78]
    widths = [0.35, 1.0, 0.95, 0.85, 0.75, 0.9, 0.3]
    half = np.interp(along, knots, np.array(widths) * thick).astype(np.float32)
    inside = np.clip((half - np.abs(across)) * sheet.unit_px + 0.5, 0, 1)
    inside *= (along > 0) & (along < 0.78)
    round_ = 0.62 + 0.5 * np.sqrt(np.clip(1 - (across / half) ** 2, 0, 1)) * (
        1 - 0.5 * across / half
    )
    metal = rgb("#c8c8c8") * (0.9 + 0.25 * np.sin(across / half * 5))[..., None]
    colour = np.where((along < 0.15)[..., None], metal, handle) * round_[..., None]
    tip = np.where(along < 0.075, inside, 0.0)
    hair = rgb("#b98d5c") * round_[..., None]
    colour = np.where((along < 0.075)[..., None], hair, colour)
    sheet.paint(inside, np.clip(colour, 0, 255))
    return np.asarray(tip, np.float32) * np.clip((0.07 - along) / 0.025, 0, 1)


def _shadow(alpha: np.ndarray, unit_px: float) -> np.ndarray:
    """Soft shadow, thrown to the lower right, sharper near the tip where hand and canvas meet."""
    shift = np.array([[1, 0, 0.035 * unit_px], [0, 1, 0.055 * unit_px]])
    moved = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    return (cv2.GaussianBlur(moved, (0, 0), 0.035 * unit_px) * 255).astype(np.uint8)


def lay_hand(
    frame: np.ndarray, hand: Hand, tip_px: tuple[float, float], angle: float, paint: Colour
) -> np.ndarray | None:
    """Put the hand into a frame, in place.

    Args:
        frame: RGB uint8 (H, W, 3).
        tip_px: where the brush tip is.
        angle: turn of the hand about the tip in radians.
        paint: colour on the brush.

    Returns:
        Coverage by hand and brush, uint8 (H, W) in [0, 255]; None when it is outside the frame.
    """
    height, width = frame.shape[:2]
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.column_stack([turn, np.array(tip_px) - turn @ np.array(hand.origin_px)])
    h, w = hand.rgba.shape[:2]
    corners = matrix @ np.array([[0, w, w, 0], [0, 0, h, h], [1, 1, 1, 1]], float)
    left, top = np.maximum(np.floor(corners.min(axis=1)), 0).astype(int)
    right = min(int(corners[0].max()) + 1, width)
    bottom = min(int(corners[1].max()) + 1, height)
    if left >= right or top >= bottom:
        return None
    matrix[:, 2] -= (left, top)
    size = (right - left, bottom - top)
    rgba = cv2.warpAffine(hand.rgba, matrix, size)
    extra = cv2.warpAffine(hand.extra, matrix, size)
    window = frame[top:bottom, left:right]
    _blend(window, rgba, extra, paint)
    coverage = np.zeros((height, width), np.uint8)
    coverage[top:bottom, left:right] = rgba[..., 3]
    return coverage


def _blend(window: np.ndarray, rgba: np.ndarray, extra: np.ndarray, paint: Colour) -> None:
    """Shadow, then hand, then the paint on the brush; only the rows and columns they reach."""
    x, y, w, h = cv2.boundingRect(cv2.max(rgba[..., 3], extra[..., 0]))
    if not w:
        return
    part = np.s_[y : y + h, x : x + w]
    view, hand = window[part], np.ascontiguousarray(rgba[part])
    shadow, wet = cv2.split(np.ascontiguousarray(extra[part]))
    colour = cv2.cvtColor(hand, cv2.COLOR_RGBA2RGB)
    _tint(colour, wet, paint)
    # Whole numbers: OpenCV scales 8-bit products itself, several times quicker than float arrays.
    light = cv2.LUT(shadow, _SHADOW_LIGHT)
    below = cv2.multiply(view, cv2.merge([light] * 3), scale=1 / 255)
    alpha = cv2.merge([hand[..., 3]] * 3)
    above = cv2.multiply(colour, alpha, scale=1 / 255)
    cv2.add(cv2.multiply(below, cv2.bitwise_not(alpha), scale=1 / 255), above, dst=below)
    view[:] = below


def _tint(colour: np.ndarray, wet: np.ndarray, paint: Colour) -> None:
    """Put the paint on the bristles, in place."""
    x, y, w, h = cv2.boundingRect(wet)
    if w:
        tip = colour[y : y + h, x : x + w]
        share = wet[y : y + h, x : x + w, None] * np.float32(0.85 / 255)
        tip[:] = tip + share * (paint - tip)
