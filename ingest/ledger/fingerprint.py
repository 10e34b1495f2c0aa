"""What a finished painting looks like, in 200 bytes: to find the same painting uploaded twice.

Two parts: a perceptual hash (64 signs of the lowest frequencies of the grey picture, after the
"pHash" of Zauner, 2010) and the picture in 8 x 8 colours. Both survive another size, another
compression, a slightly other crop and other light; docs/scale.md has the measured distances.
"""

from __future__ import annotations

import cv2
import numpy as np

HASH_SIDE_PX, FREQUENCIES, COLOUR_SIDE_PX = 32, 8, 8
MAX_DISTANCE = 14
"""Bits of 64 in which the hashes of one painting may differ: 99 % stay below it when up to 4 % are
cut off each side, while 7750 pairs of different pictures differ in 16 or more."""
MIN_CORRELATION = 0.91
"""Of the 8 x 8 Lab colours, each channel less its mean: 0.94 for the worst of those crops up to 2 %
a side, at most 0.90 for different pictures."""
PLAIN = 2.0
"""Standard deviation (of 255) below which a picture shows too little to be compared."""


def look_of(picture: np.ndarray) -> str:
    """Hex digits of the look of an RGB uint8 picture (H, W, 3); empty if it is too plain."""
    colours = _small(picture, COLOUR_SIDE_PX)
    grey = cv2.cvtColor(_small(picture, HASH_SIDE_PX), cv2.COLOR_RGB2GRAY).astype(np.float32)
    if grey.std() < PLAIN:
        return ""
    low = cv2.dct(grey)[:FREQUENCIES, :FREQUENCIES].ravel()
    # The first value is the mean brightness; it says nothing about the picture.
    signs = low > np.median(low[1:])
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)
    return np.packbits(signs).tobytes().hex() + lab.tobytes().hex()


def hash_bits(look: str) -> int:
    """The perceptual hash of a look as a 64-bit number."""
    return int(look[:16], 16)


def same_colours(first: str, second: str) -> bool:
    """Whether two looks have the same colours at the same places."""
    a, b = _colours(first), _colours(second)
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return bool(scale > 0 and (a * b).sum() >= MIN_CORRELATION * scale)


def _colours(look: str) -> np.ndarray:
    """Lab colours (64, 3), each channel less its mean."""
    lab = np.frombuffer(bytes.fromhex(look[16:]), np.uint8).reshape(-1, 3).astype(np.float64)
    return lab - lab.mean(axis=0)


def _small(picture: np.ndarray, side_px: int) -> np.ndarray:
    return cv2.resize(picture, (side_px, side_px), interpolation=cv2.INTER_AREA)
