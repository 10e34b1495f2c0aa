"""Converts decoder frames to what a player shows: upright RGB with square pixels, on white."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace, ColorTrc, Interpolation, VideoReformatter

from ingest.video.decoding.display_colours import (
    HDR_TRANSFERS,
    ORDINARY_TRANSFERS,
    needs_conversion,
    to_display,
)

SCALED = Interpolation.AREA | Interpolation.BITEXACT | Interpolation.ACCURATE_RND
"""Conversion to RGB with scaling: area averages."""
UNSCALED = Interpolation.BILINEAR | Interpolation.BITEXACT
"""Conversion to RGB without scaling: FFmpeg's direct path, five times faster and as exact."""
ALPHA_FORMATS = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv")
"""Beginnings of FFmpeg's names of pixel formats that have transparency."""
UNTAGGED = 2
"""Colour space of frames whose file names none (`AVCOL_SPC_UNSPECIFIED`)."""
MIN_HD_LINES = 720
"""Untagged films with at least so many lines are BT.709 to players (Chrome, Firefox), others
BT.601."""


class FrameConverter:
    """Converts decoder frames to upright RGB of one size: that of the first frame."""

    def __init__(
        self,
        pixel_aspect: float,
        short_side_px: int | None,
        matrix: tuple[int, int, int, int] | None,
    ) -> None:
        """`matrix` is the film's `display_matrix`."""
        self._pixel_aspect, self._short_side_px = pixel_aspect, short_side_px
        self._matrix = matrix
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._scale = 1.0
        self.unknown_transfer: str | None = None
        """Name of a transfer that is not converted, if a frame has one."""

    def convert(self, frame: av.VideoFrame) -> tuple[np.ndarray, float]:
        """The picture, RGB uint8 (H, W, 3), and its scale relative to the full-size frame."""
        if self._size is None:
            self._size, self._scale = self._output_size(frame)
        transfer, primaries = int(frame.color_trc), int(frame.color_primaries)
        if transfer not in (*ORDINARY_TRANSFERS, *HDR_TRANSFERS):
            self.unknown_transfer = _transfer_name(transfer)
        is_light = needs_conversion(transfer, primaries)
        if frame.format.name.startswith(ALPHA_FORMATS):
            # Scaled before it lies on white, it would mix with colours that are never shown.
            size = frame.width, frame.height
            image = self._reformatted(frame, "rgba64le" if is_light else "rgba", size)
            if is_light:
                shown = to_display(image[..., :3], transfer, primaries)
                image = np.dstack([shown, (image[..., 3] >> 8).astype(np.uint8)])
            image = on_white(image)
            if self._size != size:
                image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        elif is_light:
            image = self._reformatted(frame, "rgb48le", self._size)
            image = to_display(image, transfer, primaries)
        else:
            image = self._reformatted(frame, "rgb24", self._size)
        return np.ascontiguousarray(upright(image, self._matrix)), self._scale

    def _reformatted(self, frame: av.VideoFrame, format: str, size: tuple[int, int]) -> np.ndarray:
        method = UNSCALED if size == (frame.width, frame.height) else SCALED
        return self._reformatter.reformat(
            frame,
            *(*size, format),
            src_colorspace=assumed_colour_space(frame),
            interpolation=method,
            threads=1,
        ).to_ndarray()

    def _output_size(self, frame: av.VideoFrame) -> tuple[tuple[int, int], float]:
        width, height = max(1, round(frame.width * self._pixel_aspect)), frame.height
        scale = min(1.0, (self._short_side_px or min(width, height)) / min(width, height))
        return (max(1, round(width * scale)), max(1, round(height * scale))), scale


def assumed_colour_space(frame: av.VideoFrame) -> Colorspace | None:
    """BT.709 for untagged frames of HD height; None for others: their tag holds, or BT.601."""
    is_hd = frame.colorspace == UNTAGGED and frame.height >= MIN_HD_LINES
    return Colorspace.ITU709 if is_hd else None


def on_white(image: np.ndarray) -> np.ndarray:
    """Returns RGB uint8 (h, w, 3): RGBA uint8 (h, w, 4) laid on white."""
    colour, alpha = image[..., :3], image[..., 3:].astype(np.uint16)
    if int(alpha.min()) == 255:
        return colour
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int] | None:
    """The entries a, b, c, d of a frame's display matrix: a pixel (x, y) is shown at
    (a x + c y, b x + d y), but for an offset. None without one."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    entries = np.frombuffer(bytes(data), np.int32)
    return int(entries[0]), int(entries[1]), int(entries[3]), int(entries[4])


def upright(image: np.ndarray, matrix: tuple[int, int, int, int] | None) -> np.ndarray:
    """Returns a picture (h, w, 3) turned and mirrored by the nearest of the eight orientations."""
    if matrix is None:
        return image
    a, b, c, d = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return image.swapaxes(0, 1)[:: -1 if b < 0 else 1, :: -1 if c < 0 else 1]


def _transfer_name(transfer: int) -> str:
    try:
        return ColorTrc(transfer).name
    except ValueError:
        return str(transfer)
