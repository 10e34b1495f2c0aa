"""Overlays of a film: captions in the lower third, a watermark in a corner."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.studio.script.script import Corner, Script

FADE_S = 0.25
"""Duration of an overlay's fade, in seconds."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
"""Font of all overlays."""
_WATERMARK_ALPHA = 0.55
"""Opacity of the watermark, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """A picture that is blended over the frames of an interval."""

    start_s: float
    end_s: float
    left: int
    top: int
    colour: np.ndarray
    """RGB float32 (h, w, 3)."""
    alpha: np.ndarray
    """float32 (h, w, 1) in [0, 1]."""


def make_overlays(script: Script, frame_px: tuple[int, int]) -> tuple[Overlay, ...]:
    """The overlays of a script for frames of (width, height) `frame_px`."""
    overlays = [_caption(c.text, c.start_s, c.end_s, frame_px) for c in script.captions]
    mark = script.watermark
    if mark is not None:
        first, second = mark.corners
        overlays.append(_watermark(mark.text, first, 0.0, mark.move_s, frame_px))
        overlays.append(_watermark(mark.text, second, mark.move_s, np.inf, frame_px))
    return tuple(overlays)


def blend_overlays(frame: np.ndarray, overlays: tuple[Overlay, ...], time_s: float) -> None:
    """Blend the overlays shown at `time_s` into a frame, RGB uint8 (H, W, 3), in place."""
    for overlay in overlays:
        if not overlay.start_s <= time_s < overlay.end_s:
            continue
        strength = min(
            1.0, (time_s - overlay.start_s) / FADE_S + 0.3, (overlay.end_s - time_s) / FADE_S
        )
        height, width = overlay.alpha.shape[:2]
        window = frame[overlay.top : overlay.top + height, overlay.left : overlay.left + width]
        blended = window + overlay.alpha * np.float32(strength) * (overlay.colour - window)
        window[:] = np.clip(blended + 0.5, 0, 255)


def _caption(text: str, start_s: float, end_s: float, frame_px: tuple[int, int]) -> Overlay:
    """White text on a dark translucent bar."""
    width, height = frame_px
    alpha, size, pad = _lettering(text, 0.05 * min(frame_px), 0.86 * width)
    bar = np.full((size[1] + 2 * pad, size[0] + 4 * pad), 0.55, np.float32)
    letters = np.zeros_like(bar)
    letters[pad : pad + size[1], 2 * pad : 2 * pad + size[0]] = alpha
    colour = np.repeat((20 + 232 * letters)[..., None], 3, axis=2)
    left, top = max((width - bar.shape[1]) // 2, 0), round(height * 0.84) - bar.shape[0] // 2
    return _overlay(start_s, end_s, (left, top), colour, np.maximum(bar, letters), frame_px)


def _watermark(
    text: str, corner: Corner, start_s: float, end_s: float, frame_px: tuple[int, int]
) -> Overlay:
    width, height = frame_px
    alpha, size, pad = _lettering(text, 0.042 * min(frame_px), 0.5 * width)
    left = 2 * pad if corner.endswith("left") else width - size[0] - 2 * pad
    top = 2 * pad if corner.startswith("top") else height - size[1] - 2 * pad
    colour = np.full((*alpha.shape, 3), 246.0, np.float32)
    return _overlay(start_s, end_s, (left, top), colour, alpha * _WATERMARK_ALPHA, frame_px)


def _lettering(
    text: str, tall_px: float, most_px: float
) -> tuple[np.ndarray, tuple[int, int], int]:
    """Coverage of a line of text, float32 (h, w); its (width, height) and a padding in px."""
    scale, thick = tall_px / 24, max(1, round(tall_px / 11))
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, thick)
    scale *= min(1.0, most_px / max(width, 1))
    (width, height), below = cv2.getTextSize(text, _FONT, scale, thick)
    image = np.zeros((height + below + thick, width + thick), np.uint8)
    cv2.putText(image, text, (0, height), _FONT, scale, 255, thick, cv2.LINE_AA)
    size = (image.shape[1], image.shape[0])
    return image.astype(np.float32) / 255, size, max(2, round(tall_px / 3))


def _overlay(
    start_s: float, end_s: float, place: tuple[int, int], colour: np.ndarray, alpha: np.ndarray,
    frame_px: tuple[int, int],
) -> Overlay:  # fmt: skip
    """An overlay at `place` (left, top), clipped to the frame."""
    left, top = max(place[0], 0), max(place[1], 0)
    part = np.s_[: max(frame_px[1] - top, 0), : max(frame_px[0] - left, 0)]
    return Overlay(start_s, end_s, left, top, colour[part], alpha[part][..., None])
