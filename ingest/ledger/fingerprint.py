"""Computes a fingerprint of a finished painting in 200 bytes, to detect near-duplicate videos.

It has two parts: a perceptual hash (64 signs of the lowest frequencies of the grey picture, after
"pHash", Zauner 2010) and the picture in 8 x 8 Lab colours. Both are robust to size, compression, a
slightly different crop and light; docs/scale.md has the measured distances.
"""

from __future__ import annotations

import cv2
import numpy as np

HASH_SIDE_PX = 32
"""Side of the grey picture whose frequencies are hashed."""
FREQUENCIES = 8
"""Lowest frequencies of the hash per axis."""
COLOUR_SIDE_PX = 8
"""Side of the picture of colours."""
MAX_DISTANCE = 14
"""Most bits of 64 in which the hashes of one painting differ. 99 % stay below it when up to 4 % are
cropped on each side; 7750 pairs of different pictures differ in 16 or more."""
MIN_CORRELATION = 0.91
"""Least correlation of the 8 x 8 Lab colours of one painting. Measured: 0.94 for the worst crop of
up to 2 % on each side, at most 0.90 for different pictures."""
MIN_CONTRAST = 2.0
"""Standard deviation (of 255) below which a picture has too little contrast to be compared."""


def fingerprint_of(picture: np.ndarray) -> str:
    """The fingerprint of an RGB uint8 picture (H, W, 3) in hex digits; empty if it has too little
    contrast."""
    colours = _small(picture, COLOUR_SIDE_PX)
    grey = cv2.cvtColor(_small(picture, HASH_SIDE_PX), cv2.COLOR_RGB2GRAY).astype(np.float32)
    if grey.std() < MIN_CONTRAST:
        return ""
    low = cv2.dct(grey)[:FREQUENCIES, :FREQUENCIES].ravel()
    # The first coefficient is the mean brightness, which depends on the light.
    signs = low > np.median(low[1:])
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)
    return np.packbits(signs).tobytes().hex() + lab.tobytes().hex()


def hash_bits(fingerprint: str) -> int:
    """The perceptual hash of a fingerprint as a 64-bit number."""
    return int(fingerprint[:16], 16)


def same_colours(first: str, second: str) -> bool:
    """Whether the colours of two fingerprints correlate."""
    a, b = _colours(first), _colours(second)
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return bool(scale > 0 and (a * b).sum() >= MIN_CORRELATION * scale)


def _colours(fingerprint: str) -> np.ndarray:
    """Lab colours of a fingerprint, float64 (64, 3), minus the mean of each channel."""
    lab = np.frombuffer(bytes.fromhex(fingerprint[16:]), np.uint8)
    lab = lab.reshape(-1, 3).astype(np.float64)
    return lab - lab.mean(axis=0)


def _small(picture: np.ndarray, side_px: int) -> np.ndarray:
    return cv2.resize(picture, (side_px, side_px), interpolation=cv2.INTER_AREA)
