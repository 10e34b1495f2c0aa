"""Scores how likely a keyframe still shows an occluder; sorts the report, decides nothing.

Paint stays. What a keyframe shows but those before and after it do not, while they agree with each
other, is an occluder. Where much was occluded, or changed while it was occluded, the canvas is
uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ingest.format.images import resize_short_side

SIDE_PX = 128
"""Short side at which keyframes are compared."""
MAX_KEYFRAME_DISTANCE = 3
"""How many keyframes before and after a keyframe it is compared with."""
DIFFERENT_LAB = 22.0
"""Lab distance above which two pixels differ."""
EQUAL_LAB = 11.0
"""Lab distance below which two pixels agree."""
MIN_AGREEMENT = 0.5
"""Least share of the canvas on which two keyframes must agree to be compared with those between
them. Where nearly everything is painted anew, a colour comes back by chance (a white sky over an
umber ground on white)."""
UNSURE_WEIGHT = 0.25
"""Suspicion per share of unsure pixels."""
COVERED_WEIGHT = 0.15
"""Suspicion per share of occluded pixels beyond `MAX_UNSUSPICIOUS_COVERED`."""
MAX_UNSUSPICIOUS_COVERED = 0.3
"""Share of occluded pixels up to which a keyframe is not suspicious."""
SUSPICION_THRESHOLD = 0.02
"""Suspicion from which a keyframe is marked. This and the weights are set on real footage."""


def transient_masks(images: list[np.ndarray]) -> np.ndarray:
    """Returns what one keyframe shows, but neither of two around it that agree with each other.

    Args:
        images: keyframes RGB uint8 (H, W, 3) of one size, in order of time.

    Returns:
        bool (n, h, w), the short side `SIDE_PX`.
    """
    labs = [_smoothed_lab(image) for image in images]
    count, reach = len(labs), MAX_KEYFRAME_DISTANCE
    distances = {
        (a, b): np.linalg.norm(labs[a] - labs[b], axis=2)
        for a in range(count)
        for b in range(a + 1, min(count, a + 2 * reach + 1))
    }
    masks = np.zeros((count, *labs[0].shape[:2]), bool)
    for k in range(1, count - 1):
        for before in range(max(0, k - reach), k):
            for after in range(k + 1, min(count, k + reach + 1)):
                agreeing = distances[before, after] < EQUAL_LAB
                if agreeing.mean() >= MIN_AGREEMENT:
                    differs = np.minimum(distances[before, k], distances[k, after]) > DIFFERENT_LAB
                    masks[k] |= agreeing & differs
        masks[k] = _without_specks(masks[k])
    return masks


def suspicion(quality: Mapping[str, float]) -> float:
    """Returns the suspicion of a left-over occluder, 0 to 1, from a keyframe's measures (shares of
    the canvas: passing, unsure, covered)."""
    return round(min(1.0, sum(_weighted(quality).values())), 4)


def main_measure(quality: Mapping[str, float]) -> tuple[str, float]:
    """Returns the measure that adds most to the suspicion (passing, unsure or covered), and its
    value."""
    parts = _weighted(quality)
    name = max(parts, key=lambda name: parts[name])
    return name, quality.get(name, 0.0)


def _weighted(quality: Mapping[str, float]) -> dict[str, float]:
    """Returns what each measure adds to the suspicion."""
    covered = max(0.0, quality.get("covered", 0.0) - MAX_UNSUSPICIOUS_COVERED)
    return {
        "passing": quality.get("passing", 0.0),
        "unsure": UNSURE_WEIGHT * quality.get("unsure", 0.0),
        "covered": COVERED_WEIGHT * covered,
    }


def _smoothed_lab(image: np.ndarray) -> np.ndarray:
    """Returns a small, smoothed Lab picture, float32 (h, w, 3)."""
    small = resize_short_side(cv2.GaussianBlur(image, (0, 0), 1.5), SIDE_PX)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # Keyframes of handheld footage lie a pixel apart; edges must not count as occluders.
    return cv2.GaussianBlur(lab, (0, 0), 1.2)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    kernel = np.ones((3, 3), np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
