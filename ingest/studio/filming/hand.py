"""Draws hands as sprites, and composites them into frames with shadow and paint on the brush.

The painting hand holds the brush between thumb and index finger; the other one lies flat or holds a
rag. Coordinates: origin at the brush tip or the finger tips, x right, y down, unit = `unit_px`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.studio.filming.limbs import Capsule, SpriteDrawing
from ingest.studio.scene.palette import jitter, mix, rgb, shade
from ingest.studio.strokes.stroke import Colour

_SHADOW_LIGHT = np.round(255 - 0.42 * np.arange(256)).astype(np.uint8)
"""Lookup table, uint8 (256,): light that remains under a shadow of each density."""

_FOREARM: list[Capsule] = [((0.6, 0.2), (2.4, 1.3), 0.07, 0.17)]
"""Forearm of the painting hand."""
_SLEEVE: list[Capsule] = [((0.82, 0.335), (2.5, 1.36), 0.112, 0.24)]
"""Sleeve of the painting hand."""
_PALM: list[Capsule] = [
    ((0.42, 0.03), (0.61, 0.195), 0.08, 0.072),
    ((0.435, 0.125), (0.6, 0.215), 0.074, 0.066),
]
"""Palm of the painting hand."""
_FINGERS: list[list[Capsule]] = [
    [((0.44, 0.17), (0.345, 0.175), 0.036, 0.031), ((0.345, 0.175), (0.315, 0.225), 0.03, 0.025)],
    [((0.43, 0.11), (0.315, 0.105), 0.038, 0.033), ((0.315, 0.105), (0.275, 0.165), 0.033, 0.028)],
    [((0.42, 0.04), (0.29, 0.03), 0.04, 0.035), ((0.29, 0.03), (0.22, -0.035), 0.034, 0.028)],
]
"""The three fingers of the painting hand below the brush."""
_GRIP: list[list[Capsule]] = [
    [((0.46, 0.16), (0.335, 0.05), 0.05, 0.037), ((0.335, 0.05), (0.222, -0.085), 0.036, 0.028)],
    [((0.42, -0.02), (0.345, -0.16), 0.043, 0.037), ((0.345, -0.16), (0.225, -0.15), 0.035, 0.026)],
]
"""Thumb and index finger, which hold the brush."""
_LYING_ARM: list[Capsule] = [((0.5, 0.3), (2.2, 1.35), 0.085, 0.16)]
"""Forearm of the other hand."""
_LYING_SLEEVE: list[Capsule] = [((0.95, 0.58), (2.2, 1.36), 0.135, 0.22)]
"""Sleeve of the other hand."""
_LYING_PALM: list[Capsule] = [
    ((0.27, 0.14), (0.52, 0.31), 0.085, 0.08),
    ((0.24, 0.24), (0.5, 0.36), 0.07, 0.07),
]
"""Palm of the other hand."""
_LYING: list[list[Capsule]] = [
    [((0.2, -0.1), (0.3, 0.03), 0.034, 0.04), ((0.3, 0.03), (0.44, 0.2), 0.042, 0.06)],
    [((0.0, 0.0), (0.12, 0.05), 0.029, 0.033), ((0.12, 0.05), (0.28, 0.13), 0.034, 0.04)],
    [((-0.03, 0.08), (0.1, 0.12), 0.03, 0.034), ((0.1, 0.12), (0.26, 0.19), 0.034, 0.04)],
    [((-0.01, 0.16), (0.11, 0.19), 0.029, 0.033), ((0.11, 0.19), (0.26, 0.24), 0.033, 0.038)],
    [((0.06, 0.235), (0.15, 0.26), 0.026, 0.03), ((0.15, 0.26), (0.28, 0.29), 0.03, 0.035)],
]
"""Thumb and four fingers of the other hand."""
_RAG: list[Capsule] = [
    ((-0.12, 0.02), (0.16, 0.2), 0.11, 0.14),
    ((0.0, 0.24), (0.2, 0.1), 0.12, 0.1),
]
"""The rag under the other hand."""
_RAGS = ("#e9e4da", "#c9d6dc", "#b7583f", "#8d97a0")
"""Colours of rags."""
_NAILS = ((0.238, -0.157, -0.08), (0.232, -0.072, 0.87))
"""x, y and angle (radians) of the nails of thumb and index finger."""
_AXIS = np.array([0.83, -0.56])
"""Direction (x, y) of the brush from its tip to its end."""
_SKINS = ("#e8b896", "#d9a07a", "#c68863", "#9c6644", "#6f4630", "#f0c8ac")
"""Colours of skin."""
_SLEEVES = ("#3f5873", "#7a3f42", "#4d4d4d", "#d8d0c0", "#5a6b4a", "#2b2b33")
"""Colours of sleeves."""


@dataclass(frozen=True, eq=False)
class Hand:
    """A hand as a sprite. Both arrays have one size."""

    rgba: np.ndarray
    """uint8 (H, W, 4): RGB and coverage."""
    extra: np.ndarray
    """uint8 (H, W, 2): density of the shadow on the canvas; share of wet bristles."""
    origin_px: tuple[float, float]
    """Position (x, y) in the sprite of the brush tip, or of the finger tips."""
    skin: Colour


def make_hand(
    rng: np.random.Generator, unit_px: float, wide_shadow: bool = False, left_handed: bool = False
) -> Hand:
    """The hand with the brush, of random skin, sleeve and brush.

    Args:
        unit_px: pixels of a unit, which is about three widths of a hand.
        wide_shadow: a soft shadow larger than the arm, as a low lamp throws it.
        left_handed: the mirror image, which comes in from the lower left.
    """
    left, top, right, bottom = (
        (-0.5, -0.62, 2.45, 1.9) if wide_shadow else (-0.08, -0.62, 2.45, 1.6)
    )
    size = (round((right - left) * unit_px), round((bottom - top) * unit_px))
    drawing = SpriteDrawing(size, (left, top), unit_px)
    skin = jitter(rng, rgb(_SKINS[rng.integers(len(_SKINS))]), 5)
    cloth = jitter(rng, rgb(_SLEEVES[rng.integers(len(_SLEEVES))]), 6)
    drawing.draw_limb(_FOREARM, skin)
    if rng.random() < 0.75:
        drawing.draw_limb(_SLEEVE, cloth, roughness=0.05, is_open=True)
    drawing.draw_limb(_PALM, skin)
    for finger in _FINGERS:
        drawing.draw_limb(finger, shade(skin, 0.97))
    drawing.draw_contact_shadow(_GRIP)
    tip = _brush(drawing, rng)
    for finger in _GRIP:
        drawing.draw_limb(finger, skin)
    for x, y, angle in _NAILS:
        drawing.draw_nail(x, y, angle, mix(skin, rgb("#f6d8d0"), 0.6))
    hand = _finish_sprite(drawing, tip, skin, _wide_shadow if wide_shadow else _shadow)
    return _mirrored(hand) if left_handed else hand


def _finish_sprite(
    drawing: SpriteDrawing, tip: np.ndarray, skin: Colour,
    shadow_of: Callable[[np.ndarray, float], np.ndarray],
) -> Hand:  # fmt: skip
    """The drawing as a `Hand`, with its shadow; `tip` is where the brush carries paint."""
    coverage = (drawing.alpha * 255).astype(np.uint8)
    colour = np.clip(cv2.GaussianBlur(drawing.colour, (0, 0), 0.6), 0, 255).astype(np.uint8)
    left, top = drawing.corner
    return Hand(
        np.dstack([colour, coverage]),
        np.dstack([shadow_of(drawing.alpha, drawing.unit_px), (tip * 255).astype(np.uint8)]),
        (-left * drawing.unit_px, -top * drawing.unit_px),
        skin,
    )


def _mirrored(hand: Hand) -> Hand:
    """The mirror image of a hand."""
    x, y = hand.origin_px
    return Hand(
        np.ascontiguousarray(hand.rgba[:, ::-1]),
        np.ascontiguousarray(hand.extra[:, ::-1]),
        (hand.rgba.shape[1] - 1 - x, y),
        hand.skin,
    )


def _brush(drawing: SpriteDrawing, rng: np.random.Generator) -> np.ndarray:
    """Draw a brush; returns where its bristles are, float32 (H, W) in [0, 1]."""
    handle = rgb(("#8a2f24", "#d9b27c", "#23262b", "#2f5f8a", "#a8743c")[rng.integers(5)])
    thick = rng.uniform(0.016, 0.026)
    along = drawing.x * _AXIS[0] + drawing.y * _AXIS[1]
    across = -drawing.x * _AXIS[1] + drawing.y * _AXIS[0]
    knots = [0.0, 0.03, 0.075, 0.15, 0.17, 0.3, 0.78]
    widths = [0.35, 1.0, 0.95, 0.85, 0.75, 0.9, 0.3]
    half = np.interp(along, knots, np.array(widths) * thick).astype(np.float32)
    inside = np.clip((half - np.abs(across)) * drawing.unit_px + 0.5, 0, 1)
    inside *= (along > 0) & (along < 0.78)
    round_ = 0.62 + 0.5 * np.sqrt(np.clip(1 - (across / half) ** 2, 0, 1)) * (
        1 - 0.5 * across / half
    )
    metal = rgb("#c8c8c8") * (0.9 + 0.25 * np.sin(across / half * 5))[..., None]
    colour = np.where((along < 0.15)[..., None], metal, handle) * round_[..., None]
    tip = np.where(along < 0.075, inside, 0.0)
    hair = rgb("#b98d5c") * round_[..., None]
    colour = np.where((along < 0.075)[..., None], hair, colour)
    drawing.blend(inside, np.clip(colour, 0, 255))
    return np.asarray(tip, np.float32) * np.clip((0.07 - along) / 0.025, 0, 1)


def make_other_hand(
    rng: np.random.Generator, unit_px: float, skin: Colour, has_rag: bool, left_handed: bool
) -> Hand:
    """The other hand, lying on the canvas with its finger tips at the origin, or on a rag there.

    Args:
        skin: RGB, that of the painting hand.
        left_handed: whether the painter is, so that this one is a right hand.
    """
    drawing = SpriteDrawing((round(2.5 * unit_px), round(1.9 * unit_px)), (-0.3, -0.35), unit_px)
    if has_rag:
        cloth = jitter(rng, rgb(_RAGS[rng.integers(len(_RAGS))]), 6)
        drawing.draw_limb(_RAG, cloth, roughness=0.09)
    drawing.draw_limb(_LYING_ARM, skin)
    drawing.draw_limb(
        _LYING_SLEEVE, jitter(rng, rgb(_SLEEVES[rng.integers(len(_SLEEVES))]), 6), 0.05, True
    )
    drawing.draw_limb(_LYING_PALM, skin)
    for finger in _LYING:
        drawing.draw_contact_shadow([finger])
        drawing.draw_limb(finger, shade(skin, 0.98))
    for finger in _LYING[1:]:
        (x, y), _, radius, _ = finger[0]
        drawing.draw_nail(x + 0.3 * radius, y + 0.1 * radius, 0.45, mix(skin, rgb("#f6d8d0"), 0.6))
    hand = _finish_sprite(drawing, np.zeros_like(drawing.alpha), skin, _shadow)
    return hand if left_handed else _mirrored(hand)


def _wide_shadow(alpha: np.ndarray, unit_px: float) -> np.ndarray:
    """Shadow of a low lamp: larger than the hand, farther away, soft; uint8 (H, W)."""
    shift = np.array([[1, 0, -0.09 * unit_px], [0, 1, 0.15 * unit_px]])
    moved = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    grown = cv2.dilate(moved, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)),
                       iterations=max(1, round(0.04 * unit_px)))  # fmt: skip
    wide = cv2.GaussianBlur(grown, (0, 0), 0.08 * unit_px)
    return (np.maximum(0.8 * wide, _shadow(alpha, unit_px) / 255) * 255).astype(np.uint8)


def _shadow(alpha: np.ndarray, unit_px: float) -> np.ndarray:
    """Soft shadow to the lower right; uint8 (H, W)."""
    shift = np.array([[1, 0, 0.035 * unit_px], [0, 1, 0.055 * unit_px]])
    moved = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    return (cv2.GaussianBlur(moved, (0, 0), 0.035 * unit_px) * 255).astype(np.uint8)


def composite_hand(
    frame: np.ndarray, hand: Hand, tip_px: tuple[float, float], angle: float, paint: Colour,
    scale: float = 1.0,
) -> np.ndarray | None:  # fmt: skip
    """Composite a hand with its shadow into a frame, in place.

    Args:
        frame: RGB uint8 (H, W, 3).
        tip_px: where the brush tip is.
        angle: turn of the hand about the tip in radians.
        paint: colour on the brush.
        scale: zoom factor of the camera.

    Returns:
        Coverage by hand and brush, uint8 (H, W) in [0, 255]; None when it is outside the frame.
    """
    height, width = frame.shape[:2]
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) * scale
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
    """Darken `window` by the shadow, then blend the hand with its wet brush over it, in place."""
    x, y, w, h = cv2.boundingRect(cv2.max(rgba[..., 3], extra[..., 0]))
    if not w:
        return
    part = np.s_[y : y + h, x : x + w]
    view, hand = window[part], np.ascontiguousarray(rgba[part])
    shadow, wet = cv2.split(np.ascontiguousarray(extra[part]))
    colour = cv2.cvtColor(hand, cv2.COLOR_RGBA2RGB)
    _tint(colour, wet, paint)
    # 8-bit products scaled by OpenCV are several times quicker than float arrays.
    light = cv2.LUT(shadow, _SHADOW_LIGHT)
    below = cv2.multiply(view, cv2.merge([light] * 3), scale=1 / 255)
    alpha = cv2.merge([hand[..., 3]] * 3)
    above = cv2.multiply(colour, alpha, scale=1 / 255)
    cv2.add(cv2.multiply(below, cv2.bitwise_not(alpha), scale=1 / 255), above, dst=below)
    view[:] = below


def _tint(colour: np.ndarray, wet: np.ndarray, paint: Colour) -> None:
    """Blend the colour `paint` into the bristles, in place."""
    x, y, w, h = cv2.boundingRect(wet)
    if w:
        tip = colour[y : y + h, x : x + w]
        share = wet[y : y + h, x : x + w, None] * np.float32(0.85 / 255)
        tip[:] = tip + share * (paint - tip)
