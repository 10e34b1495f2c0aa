"""Encodes and decodes images and masks (the codecs of the dataset), resizes, and hashes bytes.

Canvases are RGB uint8 (H, W, 3); masks are bool (H, W) and always stored as lossless 1-bit PNG.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Literal

import cv2
import numpy as np

ImageFormat = Literal["jpg", "png"]
_EXIF_MARKER = 0xE1
"""Second byte of the marker of a JPEG's Exif segment."""


def encode_image(image: np.ndarray, format: ImageFormat = "jpg", quality: int = 95) -> bytes:
    """RGB uint8 (H, W, 3) to JPEG (4:4:4, so that colour edges survive) or lossless PNG."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected RGB uint8 (H, W, 3), got {image.dtype} {image.shape}")
    options = (
        [cv2.IMWRITE_JPEG_QUALITY, quality]
        + [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        if format == "jpg"
        else [cv2.IMWRITE_PNG_COMPRESSION, 6]
    )
    ok, data = cv2.imencode(f".{format}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not ok:
        raise ValueError(f"OpenCV could not encode an image of shape {image.shape} as {format}")
    return data.tobytes()


def decode_image(data: bytes) -> np.ndarray:
    """Encoded bytes to RGB uint8 (H, W, 3). Raises ValueError when they are no image."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if image is None:
        raise ValueError(f"{len(data)} bytes that are not a readable image")
    return image


def image_size(data: bytes) -> tuple[int, int]:
    """(height, width) in px as `decode_image` gives it, from the header of a PNG or of a JPEG
    without Exif; other images are decoded."""
    if data[:4] == b"\x89PNG" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    at = 2
    while data[:2] == b"\xff\xd8" and at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == _EXIF_MARKER:
            break  # it may say that the picture is to be turned
        if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return height, width
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    height, width = decode_image(data).shape[:2]
    return height, width


def encode_mask(mask: np.ndarray) -> bytes:
    """bool (H, W) to a 1-bit PNG."""
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise ValueError(f"expected a bool mask (H, W), got {mask.dtype} {mask.shape}")
    ok, data = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    if not ok:
        raise ValueError(f"OpenCV could not encode a mask of shape {mask.shape}")
    return data.tobytes()


def decode_mask(data: bytes) -> np.ndarray:
    """PNG bytes to bool (H, W).

    Raises:
        ValueError: no image, or values other than 0 and 255, as lossy compression leaves them.
    """
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if grey is None:
        raise ValueError(f"{len(data)} bytes that are not a readable mask")
    # 1-bit grey has only 0 and 255. Otherwise the sum shows whether all values above 0 are 255.
    is_bilevel = data[24:26] == b"\x01\x00" and data[:4] == b"\x89PNG"
    if not is_bilevel and cv2.sumElems(grey)[0] != 255 * cv2.countNonZero(grey):
        raise ValueError("a mask holds values other than 0 and 255")
    return grey > 127


def resize_short_side(image: np.ndarray, side_px: int) -> np.ndarray:
    """Scale an image (H, W, 3) so that its short side is `side_px`; the aspect ratio stays."""
    height, width = image.shape[:2]
    scale = side_px / min(height, width)
    if scale == 1.0:
        return image
    size = (max(side_px, round(width * scale)), max(side_px, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method)


def sha256(data: bytes) -> str:
    """Content hash as 64 hex digits: the identity of images, videos and shards."""
    return hashlib.sha256(data).hexdigest()
