"""Draws limbs from capsules (bones with a radius) with round shading, into one sprite."""

from __future__ import annotations

import numpy as np

from ingest.studio.strokes.stroke import Colour

Capsule = tuple[tuple[float, float], tuple[float, float], float, float]
"""Start (x, y), end (x, y), radius at start, radius at end; in units."""


class SpriteDrawing:
    """A sprite while it is drawn: `colour` float32 (H, W, 3) and `alpha` float32 (H, W)."""

    def __init__(self, size: tuple[int, int], corner: tuple[float, float], unit_px: float) -> None:
        """`size` is (width, height) in px; `corner` the upper left corner in units."""
        self.unit_px, self.corner = unit_px, corner
        self.x = (np.arange(size[0], dtype=np.float32) + 0.5) / unit_px + corner[0]
        self.y = ((np.arange(size[1], dtype=np.float32) + 0.5) / unit_px + corner[1])[:, None]
        self.colour = np.zeros((size[1], size[0], 3), np.float32)
        self.alpha = np.zeros((size[1], size[0]), np.float32)

    def capsule_depth(self, bone: Capsule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per pixel: depth inside the capsule in units (negative outside), and the offset (x, y)
        from the bone as shares of the radius."""
        (x0, y0), (x1, y1), r0, r1 = bone
        dx, dy = x1 - x0, y1 - y0
        share = np.clip(((self.x - x0) * dx + (self.y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        u, v = self.x - x0 - share * dx, self.y - y0 - share * dy
        radius = r0 + share * (r1 - r0)
        return radius - np.sqrt(u * u + v * v), u / radius, v / radius

    def draw_limb(
        self, bones: list[Capsule], colour: Colour, roughness: float = 0.0, is_open: bool = False
    ) -> None:
        """Draw a limb of joined capsules, lit from the upper left; an open one (a sleeve) begins
        straight."""
        depths, us, vs = zip(*(self.capsule_depth(bone) for bone in bones), strict=True)
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
        # Skin in shadow turns red, lit skin pale.
        warm = np.array([1.0, 0.96, 0.93], np.float32) ** (2 - 2 * light[..., None])
        self.blend(alpha, colour * light[..., None] * warm)

    def draw_contact_shadow(self, limbs: list[list[Capsule]]) -> None:
        """Darken what lies below and close to the given limbs."""
        for limb in limbs:
            for bone in limb:
                depth, _, _ = self.capsule_depth(bone)
                dark = np.clip(1 + depth / 0.035, 0, 1)
                self.colour *= (1 - 0.32 * dark)[..., None]

    def draw_nail(self, x: float, y: float, angle: float, colour: Colour) -> None:
        """A finger nail centred on (x, y)."""
        a = (self.x - x) * np.cos(angle) + (self.y - y) * np.sin(angle)
        b = -(self.x - x) * np.sin(angle) + (self.y - y) * np.cos(angle)
        inside = 1 - (a / 0.02) ** 2 - (b / 0.0145) ** 2
        self.blend(np.clip(inside * 3, 0, 0.75), np.broadcast_to(colour, self.colour.shape))

    def blend(self, alpha: np.ndarray, colour: np.ndarray) -> None:
        """Blend `colour` (H, W, 3) over the drawing with `alpha` (H, W)."""
        self.colour += alpha[..., None] * (colour - self.colour)
        self.alpha = np.maximum(self.alpha, alpha)
