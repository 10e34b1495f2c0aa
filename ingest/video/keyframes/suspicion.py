"""How likely a keyframe still shows a hand, a tool or a shadow; sorts the report, decides nothing.

Paint stays. What a keyframe shows but those before and after it do not, while they agree with each
other, has passed by. Where much was covered, or covered while the paint under it changed, the
canvas is a guess.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ingest.format.images import resize_short_side

SIDE_PX, REACH = 128, 3
"""Short side at which keyframes are compared, and how many keyframes before and after."""
DIFFERENT_LAB, EQUAL_LAB = 22.0, 11.0
"""Lab distance from which two looks differ, and below which they agree."""
MIN_AGREEMENT = 0.5
"""Share of the canvas on which two keyframes must agree to bear witness: where nearly everything is
painted anew, a colour comes back by chance (a white sky over an umber ground on white)."""
UNSURE_WEIGHT, COVERED_WEIGHT, MUCH_COVERED = 0.25, 0.15, 0.3
SUSPECT = 0.02
"""Suspicion from which a keyframe is marked. All set by looking at the real footage."""


def passing_masks(images: list[np.ndarray]) -> np.ndarray:
    """What shows in one keyframe, but in neither of two around it that agree with each other.

    Args:
        images: keyframes RGB uint8 (H, W, 3) of one size, in order of time.

    Returns:
        bool (n, h, w), the short side `SIDE_PX`.
    """
    looks = [_look(image) for image in images]
    count = len(looks)
    distances = {
        (a, b): np.linalg.norm(looks[a] - looks[b], axis=2)
        for a in range(count)
        for b in range(a + 1, min(count, a + 2 * REACH + 1))
    }
    masks = np.zeros((count, *looks[0].shape[:2]), bool)
    for k in range(1, count - 1):
        for before in range(max(0, k - REACH), k):
            for after in range(k + 1, min(count, k + REACH + 1)):
                agreeing = distances[before, after] < EQUAL_LAB
                if agreeing.mean() >= MIN_AGREEMENT:
                    differs = np.minimum(distances[before, k], distances[k, after]) > DIFFERENT_LAB
                    masks[k] |= agreeing & differs
        masks[k] = _without_specks(masks[k])
    return masks


def suspicion(quality: Mapping[str, float]) -> float:
    """Suspicion of left-over cover from 0 to 1, from a keyframe's measures (all shares)."""
    return round(min(1.0, sum(_parts(quality).values())), 4)


def main_sign(quality: Mapping[str, float]) -> tuple[str, float]:
    """The measure that adds most to the suspicion (passing, unsure or covered), and its value."""
    parts = _parts(quality)
    name = max(parts, key=lambda name: parts[name])
    return name, quality.get(name, 0.0)


def _parts(quality: Mapping[str, float]) -> dict[str, float]:
    covered = max(0.0, quality.get("covered", 0.0) - MUCH_COVERED)
    return {
        "passing": quality.get("passing", 0.0),
        "unsure": UNSURE_WEIGHT * quality.get("unsure", 0.0),
        "covered": COVERED_WEIGHT * covered,
    }


def _look(image: np.ndarray) -> np.ndarray:
    small = resize_short_side(cv2.GaussianBlur(image, (0, 0), 1.5), SIDE_PX)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # Keyframes of handheld footage lie a pixel apart; edges must not count as things.
    return cv2.GaussianBlur(lab, (0, 0), 1.2)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    kernel = np.ones((3, 3), np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
