"""Renders strokes onto a canvas: colour and thickness of the paint, shaded with the weave.

Every stroke is rendered in the window of pixels around it, in float32, from a bank of bristle
textures. Shading (light on weave and impasto) is recomputed only where paint has changed.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ingest.studio.strokes.stroke import Clip, Colour, Stroke

NUM_TEXTURES = 5
"""Textures in the bank; a stroke uses one of them."""
TEXTURE_PX = 256
"""Side of a texture in pixels; it repeats beyond."""
BRISTLES_PER_UNIT = 330.0
"""Texture rows per unit of brush width; the streaks are a few rows wide."""
GRAIN_PER_UNIT = 260.0
"""Texture columns per unit of path; bristle tracks last for about a third of a unit."""
WEAVE_THREADS_PER_UNIT = 130.0
"""Threads of the canvas per unit of length."""
WEAVE_RELIEF = 0.045
"""Largest relative change of brightness by the weave."""
PAINT_RELIEF = 0.5
"""Factor from paint thickness to the height field that is shaded."""

CHORD_SHARES = np.linspace(0, 1, 33)
"""Shares of a path's chord at which its offset from the chord is tabulated."""

Box = tuple[int, int, int, int]
"""Rows and columns: top, bottom, left, right (half open)."""


@lru_cache(maxsize=2)
def textures(stipple: bool) -> np.ndarray:
    """Paint load and tint at every place of a stroke, float32 (NUM_TEXTURES, 256, 256, 2).

    They show bristle tracks, or spots if `stipple` (the brush is tapped). Axis 1 runs across the
    brush, axis 2 along the stroke. Both channels are ranks, uniform in [0, 1]: a threshold of 0.3
    on the load leaves 30 % of the surface without paint.
    """
    rng = np.random.default_rng([20240920, int(stipple)])
    bank = np.empty((NUM_TEXTURES, TEXTURE_PX, TEXTURE_PX, 2), np.float32)
    blurs = ((2.4, 1.9), (3.0, 3.0)) if stipple else ((1.1, 26.0), (1.7, 40.0))
    for index in range(NUM_TEXTURES):
        for channel, (across, along) in enumerate(blurs):
            layers = sum(
                weight * _wrapped_blur(rng.normal(size=(TEXTURE_PX, TEXTURE_PX)), a, b)
                for weight, a, b in (
                    (1.0, across, along),
                    (0.7, across * 4, along * 1.5),
                    (0.3, 0.8, 4.0),
                )
            )
            ranks = np.argsort(np.argsort(np.asarray(layers).ravel(), kind="stable"))
            bank[index, :, :, channel] = (ranks / (TEXTURE_PX**2 - 1)).reshape(TEXTURE_PX, -1)
    return bank


def _wrapped_blur(field: np.ndarray, across: float, along: float) -> np.ndarray:
    """Gaussian blur with periodic borders, scaled to standard deviation 1."""
    rows = np.fft.fftfreq(field.shape[0])[:, None] * across
    columns = np.fft.fftfreq(field.shape[1])[None, :] * along
    kernel = np.exp(-2 * np.pi**2 * (rows**2 + columns**2))
    blurred = np.fft.ifft2(np.fft.fft2(field) * kernel).real
    return blurred / blurred.std()


class PaintedCanvas:
    """A painting in progress at one size in pixels."""

    def __init__(self, width_px: int, height_px: int, ground: Colour, seed: int) -> None:
        """A blank canvas of the colour `ground`; `seed` decides its weave."""
        self.scale = float(min(width_px, height_px))
        self.colour = np.empty((height_px, width_px, 3), np.float32)
        self.colour[:] = ground
        self.thickness = np.zeros((height_px, width_px), np.float32)
        self.weave = _weave(width_px, height_px, self.scale, seed)
        self.region_alpha = np.zeros((height_px, width_px), np.float32)
        """Largest alpha since `clear_region`, in [0, 1]: the region of the current step."""
        self._picture = np.empty((height_px, width_px, 3), np.uint8)
        self._dirty: Box | None = (0, height_px, 0, width_px)
        self._clips: dict[Clip, np.ndarray] = {}

    def clear_region(self) -> None:
        """Set `region_alpha` to 0: a new step begins."""
        self.region_alpha[:] = 0

    def apply(self, stroke: Stroke, progress: float = 1.0) -> Box | None:
        """Render a stroke, or its first part up to `progress` in (0, 1].

        Returns the window that may have changed, or None when the stroke misses the canvas.
        """
        box = self.window_of(stroke)
        if box is None:
            return None
        top, bottom, left, right = box
        alpha, tint, load = self._brush_mark(stroke, box, progress)
        for edge in (stroke.clip, stroke.place):
            if edge is not None:
                alpha *= self._clip_mask(edge)[top:bottom, left:right]
        touch = stroke.touch
        # Streaks are tracks of the second colour, and lighter or darker ones.
        spread = (tint - 0.5) * (2 * touch.streaks)
        share = _clamp(0.35 + spread * 1.2)[..., None]
        paint = stroke.colour + share * (stroke.second - stroke.colour)
        paint += (spread * 14.0)[..., None]
        window = self.colour[top:bottom, left:right]
        window += alpha[..., None] * (paint - window)
        thickness = self.thickness[top:bottom, left:right]
        thickness += alpha * (touch.body * (0.35 + 0.65 * load) - thickness * 0.8)
        region = self.region_alpha[top:bottom, left:right]
        np.maximum(region, alpha, out=region)
        self._mark(box)
        return box

    def picture(self) -> np.ndarray:
        """The shaded canvas, RGB uint8 (H, W, 3); a view that later strokes change."""
        if self._dirty is not None:
            self._shade(self._dirty)
            self._dirty = None
        return self._picture

    def save(self, box: Box) -> tuple[np.ndarray, ...]:
        """Copies of all state inside `box`, for `restore`."""
        window = np.s_[box[0] : box[1], box[2] : box[3]]
        return tuple(a[window].copy() for a in (self.colour, self.thickness, self.region_alpha))

    def restore(self, box: Box, saved: tuple[np.ndarray, ...]) -> None:
        """Undo all changes inside `box` since `save`."""
        window = np.s_[box[0] : box[1], box[2] : box[3]]
        for array, copy in zip(
            (self.colour, self.thickness, self.region_alpha), saved, strict=True
        ):
            array[window] = copy
        self._mark(box)

    def _mark(self, box: Box) -> None:
        old = self._dirty or box
        self._dirty = (
            min(old[0], box[0]), max(old[1], box[1]), min(old[2], box[2]), max(old[3], box[3]),
        )  # fmt: skip

    def window_of(self, stroke: Stroke) -> Box | None:
        """The pixels that a stroke can reach, or None when it misses the canvas."""
        height, width = self.thickness.shape
        reach = stroke.width * 0.55 + 2.0 / self.scale
        low = (stroke.path.min(axis=0) - reach) * self.scale
        high = (stroke.path.max(axis=0) + reach) * self.scale
        left, right = max(0, int(low[0])), min(width, int(high[0]) + 1)
        top, bottom = max(0, int(low[1])), min(height, int(high[1]) + 1)
        return (top, bottom, left, right) if top < bottom and left < right else None

    def _brush_mark(
        self, stroke: Stroke, box: Box, progress: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Alpha, tint and paint load of a stroke in a window, each float32 (h, w) in [0, 1]."""
        top, bottom, left, right = box
        touch = stroke.touch
        along, across, length = self._stroke_coordinates(stroke, box)
        radius = max(stroke.width / 2, 0.6 / self.scale)
        share = _clamp(along / length)
        half = radius * (1 - touch.taper * share) if touch.taper else radius
        bank, offset_across, offset_along = stroke.texture
        texture = cv2.remap(
            textures(touch.stipple)[bank],
            along * GRAIN_PER_UNIT + offset_along,
            across * BRISTLES_PER_UNIT + offset_across,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        load, tint = texture[..., 0], texture[..., 1]
        reached = length * progress
        if touch.rounded:
            beyond = np.maximum(np.maximum(-along, along - reached), 0)
            gap = np.sqrt(across * across + beyond * beyond)
            alpha = _clamp((1 - gap / half) / touch.softness + (load - 0.5) * 0.7)
        else:
            # Soft edges along the sides, ragged ends where single bristles start and stop.
            edge = (1 - np.abs(across) / half) / touch.softness + (load - 0.5) * 0.5
            overlap = np.minimum(along, reached - along) + radius * (0.6 + (load - 0.35) * 0.9)
            alpha = _clamp(edge) * _clamp(overlap / (radius * 0.35))
        # Dry bristles miss the valleys of the weave first.
        hold = 0.72 * load + 0.28 * self.weave[top:bottom, left:right]
        dry_share = touch.dryness + touch.exhaustion * share * share
        alpha *= _clamp((hold - dry_share) * 5.5 + 0.5)
        alpha *= touch.opacity
        return alpha, tint, load

    def _stroke_coordinates(self, stroke: Stroke, box: Box) -> tuple[np.ndarray, np.ndarray, float]:
        """Position of every pixel (h, w) along and across a stroke, and its chord length; in units.

        The path is taken as a function over its chord, whose offset is looked up at every pixel.
        That is far quicker than distances to the path's segments, and equal unless it turns back.
        """
        top, bottom, left, right = box
        path = stroke.path
        chord = path[-1] - path[0]
        length = float(np.hypot(chord[0], chord[1])) + 1e-6
        ux, uy = chord / length
        x = (np.arange(left, right, dtype=np.float32) + 0.5) / self.scale - path[0, 0]
        y = (np.arange(top, bottom, dtype=np.float32) + 0.5)[:, None] / self.scale - path[0, 1]
        along = x * ux + y * uy
        across = y * ux - x * uy
        if len(path) > 2:
            steps = (path - path[0]) @ np.array([[ux, -uy], [uy, ux]], np.float32)
            table = np.interp(CHORD_SHARES * length, steps[:, 0], steps[:, 1])
            index = _clamp(along * (32 / length) + 0.5, 32).astype(np.int32)
            across -= table.astype(np.float32)[index]
        return along, across, length

    def _clip_mask(self, clip: Clip) -> np.ndarray:
        mask = self._clips.get(clip)
        if mask is None:
            mask = np.zeros(self.thickness.shape, np.float32)
            points = np.round(clip.polygon * self.scale * 16).astype(np.int32)
            cv2.fillPoly(mask, [points], 1.0, cv2.LINE_8, 4)
            sigma = max(0.45, clip.feather * self.scale)
            mask = cv2.GaussianBlur(mask, (0, 0), sigma)
            self._clips[clip] = mask
        return mask

    def _shade(self, box: Box) -> None:
        """Shade a window of the 8-bit picture with light from the upper left."""
        height, width = self.thickness.shape
        top, bottom = max(0, box[0] - 1), min(height, box[1] + 1)
        left, right = max(0, box[2] - 1), min(width, box[3] + 1)
        t, l = max(0, top - 1), max(0, left - 1)  # noqa: E741
        thickness = self.thickness[t:bottom, l:right]
        weave = self.weave[t:bottom, l:right]
        relief = thickness * PAINT_RELIEF
        slope = np.zeros_like(relief)
        slope[1:, 1:] = 2 * relief[1:, 1:] - relief[:-1, 1:] - relief[1:, :-1]
        light = 1 + np.clip(slope, -0.35, 0.35) * 0.36
        # Thick paint fills the weave.
        light += (weave - 0.5) * (WEAVE_RELIEF * 2) * (1 - 0.6 * np.minimum(thickness * 1.5, 1))
        light = light[top - t :, left - l :]
        shaded = self.colour[top:bottom, left:right] * light[..., None]
        self._picture[top:bottom, left:right] = np.clip(shaded + 0.5, 0, 255)


def _clamp(values: np.ndarray, high: float = 1.0) -> np.ndarray:
    """Clamp to [0, high] in place; on small arrays much quicker than `np.clip`."""
    np.maximum(values, 0, out=values)
    return np.minimum(values, high, out=values)


def _weave(width_px: int, height_px: int, scale: float, seed: int) -> np.ndarray:
    """Height of the blank canvas, float32 (H, W) in [0, 1]: crossing threads of uneven strength.

    Threads are at least three pixels wide: a finer weave would alias.
    """
    rng = np.random.default_rng([seed, 77])
    threads = min(WEAVE_THREADS_PER_UNIT, scale / 3.0)
    x = np.arange(width_px, dtype=np.float32) / scale * threads * np.pi
    y = np.arange(height_px, dtype=np.float32)[:, None] / scale * threads * np.pi
    strength = [
        cv2.resize(rng.uniform(0.5, 1, (24, 24)).astype(np.float32), (width_px, height_px))
        for _ in range(2)
    ]
    over = np.cos(x) * np.cos(y)
    wave = 0.5 + 0.25 * over * strength[0] + 0.16 * np.cos(2 * y) * strength[1]
    grain = rng.normal(0, 0.06, (height_px, width_px)).astype(np.float32)
    return np.clip(wave + grain, 0, 1).astype(np.float32)
