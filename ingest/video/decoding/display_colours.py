"""Converts HDR and wide-gamut pictures to the colours that an ordinary player shows.

Ordinary films (BT.709) are taken as they are: their values, on a display of gamma 2.4 (ITU-R
BT.1886), are what a player shows. HLG and PQ films (ITU-R BT.2100) are brought to the same display
by their light, with reference white (203 cd/m2, ITU-R BT.2408) as its white; lighter highlights are
clipped.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

REFERENCE_WHITE_CD_M2 = 203.0
"""Light of diffuse white in HDR films (ITU-R BT.2408)."""
HLG_PEAK_CD_M2 = 1000.0
"""Peak light of the display for which the system gamma of HLG is 1.2 (ITU-R BT.2100)."""
DISPLAY_GAMMA = 2.4
"""Of the display of ordinary films (ITU-R BT.1886)."""
HDR_TRANSFERS = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
"""PQ and HLG."""
ORDINARY_TRANSFERS = (
    *(0, ColorTrc.BT709, ColorTrc.UNSPECIFIED, ColorTrc.GAMMA22, ColorTrc.GAMMA28),
    *(ColorTrc.SMPTE170M, ColorTrc.SMPTE240M, ColorTrc.IEC61966_2_4, ColorTrc.BT1361_ECG),
    *(ColorTrc.IEC61966_2_1, ColorTrc.BT2020_10, ColorTrc.BT2020_12),
)
"""Transfers whose values a player shows as they are; 0 is none at all."""
TO_BT709 = {
    ColorPrimaries.BT2020: [
        [1.6605, -0.5876, -0.0728],
        [-0.1246, 1.1329, -0.0083],
        [-0.0182, -0.1006, 1.1187],
    ],
    ColorPrimaries.SMPTE432: [
        [1.2249, -0.2247, 0.0],
        [-0.0420, 1.0420, 0.0],
        [-0.0197, -0.0786, 1.0979],
    ],
}
"""Matrices from linear RGB of wide primaries (BT.2020, Display P3) to those of BT.709 and sRGB."""
LUMINANCE_BT2020 = (0.2627, 0.6780, 0.0593)
"""Weights of R, G and B in the luminance of HLG (ITU-R BT.2100)."""


def needs_conversion(transfer: int, primaries: int) -> bool:
    """Returns True for films whose values a player does not show as they are."""
    return transfer in HDR_TRANSFERS or primaries in TO_BT709


def to_display(image: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """Returns the picture as an ordinary player shows it, RGB uint8 (h, w, 3).

    Args:
        image: RGB uint16 (h, w, 3), the film's values, 0 to 65535.
        transfer, primaries: the film's, as `ColorTrc` and `ColorPrimaries`.
    """
    light = _light_table(transfer)[image]
    if transfer == ColorTrc.ARIB_STD_B67:
        luminance = cv2.transform(light, np.array([LUMINANCE_BT2020], np.float32))
        light = light * (luminance**0.2)[..., None] * (HLG_PEAK_CD_M2 / REFERENCE_WHITE_CD_M2)
    if primaries in TO_BT709:
        light = cv2.transform(light, np.array(TO_BT709[ColorPrimaries(primaries)], np.float32))
    shown = np.clip(light, 0, 1) ** np.float32(1 / DISPLAY_GAMMA)
    return (shown * 255).round().astype(np.uint8)


@functools.lru_cache(maxsize=4)
def _light_table(transfer: int) -> np.ndarray:
    """Returns float32 (65536,): the light of each value, with white at 1; of HLG the light of the
    scene, 0 to 1."""
    value = np.linspace(0, 1, 1 << 16)
    if transfer == ColorTrc.ARIB_STD_B67:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    elif transfer == ColorTrc.SMPTE2084:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        power = value ** (1 / m2)
        light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
        light *= 10_000 / REFERENCE_WHITE_CD_M2
    else:
        light = value**DISPLAY_GAMMA
    return light.astype(np.float32)
