"""Undoes slow changes of light: exposure and white balance, one gain a channel and frame.

What has not changed on the canvas tells the gain: between neighbouring frames that is most of it.
A jump is no drift but paint (a whole canvas filled at once), so it is left alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import cv2
import numpy as np

from ingest.video.imaging.median import median_of_rows

MEMORY, MAX_STEP, MAX_TOTAL = 9, 0.06, 0.35
"""Frames that make the reference; largest change of a gain between frames, and over the video."""
MIN_SHARE, BAND, DEADBAND = 0.5, 0.03, 0.004
"""Share of pixels that must agree on a gain within the band; smaller gains are noise."""
CLIPS_FROM, CLIPPED = 248, 254
"""Levels from which a channel may be clipped, and from which it is (videos are noisy)."""
LIGHTER, MOSTLY_CLIPPED = 0.04, 0.5
"""By how much a frame is lighter than most, for what is clipped in it to be darker in truth; and
the share of the frames in which a pixel is clipped that is never seen otherwise."""
SAME, LOOKS = 13.0, 3
"""Difference up to which two looks may show the same; and how many of a pixel are remembered."""
MAX_COMMON_LOG, COMMON_STEP, MIN_COMMON_SHARE = 0.45, 0.03, 0.08
"""Largest common gain between two moments and the step at which it is sought, both as logarithms;
and the share of pixels that must agree on it."""


def gains(frames: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Factors float32 (n, 3) that bring every frame to the light of the first.

    Args:
        frames: pairs of RGB uint8 (h, w, 3) and bool (h, w), the pixels that count.
    """
    recent: deque[np.ndarray] = deque(maxlen=MEMORY)
    found: list[np.ndarray] = []
    gain = np.ones(3, np.float32)
    reference = np.zeros(0)
    for number, (frame, valid) in enumerate(frames):
        thin = frame[::2, ::2].astype(np.float32)
        if number:
            gain = _gain(reference, thin, valid[::2, ::2], gain)
        found.append(gain)
        recent.append(thin * gain)
        if number < MEMORY or number % 3 == 0:
            reference = np.median(np.stack(recent), axis=0)
    return np.array(found, np.float32).reshape(-1, 3)


def common_gain(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The factors float32 (3,) that bring most of what stays in a picture to the light of another.

    They may be far apart in time: most of the picture may have been painted over. But paint changes
    every which way, while all that only the light has changed did so in one ratio: the most
    frequent one is taken. Ones where too little agrees on any.

    Args:
        reference, image: RGB (h, w, 3), laid over each other.
    """
    one, other = (p[::2, ::2].reshape(-1, 3).astype(np.float32) for p in (reference, image))
    usable = (np.minimum(one, other).min(axis=1) > 20) & (np.maximum(one, other).max(axis=1) < 250)
    ratios = np.log(one[usable]) - np.log(other[usable])
    if len(ratios) < 100:
        return np.ones(3, np.float32)
    edges = np.arange(-MAX_COMMON_LOG, MAX_COMMON_LOG + COMMON_STEP / 2, COMMON_STEP)
    counts, _ = np.histogramdd(ratios, bins=(edges,) * 3)
    # A frequent ratio may lie on the border of two bins: count each with its neighbours.
    counts = np.sum([np.roll(counts, k, axis=(0, 1, 2)) for k in np.ndindex(2, 2, 2)], axis=0)
    best = np.unravel_index(int(np.argmax(counts)), counts.shape)
    start = np.array([edges[i] for i in best])
    centre = agreed_ratio(ratios.T, start, COMMON_STEP, MIN_COMMON_SHARE)
    return np.exp(np.zeros(3) if centre is None else centre).astype(np.float32)


def agreed_ratio(
    ratios: np.ndarray, start: np.ndarray, band: float, least_share: float
) -> np.ndarray | None:
    """The ratio (3,) that those near it agree on, found from `start`; all as logarithms.

    Args:
        ratios: (3, n), of pixels.
        band: how far a ratio may be off, in any channel, to agree.
        least_share: share of the ratios that must agree, else there is none.
    """
    centre, before = start, np.zeros(0, bool)
    for _ in range(3):
        near = (np.abs(ratios - centre[:, None]) < band).all(axis=0)
        if near.mean() < least_share:
            return None
        if np.array_equal(near, before):
            break
        centre, before = median_of_rows(np.compress(near, ratios, axis=1)), near
    return centre


def apply_gain(image: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """RGB uint8 (h, w, 3) times a gain (3,), clipped.

    What the camera clipped stays clipped: how bright it is nobody knows, but it is not darker for
    being overexposed. Otherwise it would be other paint in every light.
    """
    if np.allclose(gain, 1.0):
        return image
    levels = np.arange(256.0)[:, None]
    clipped = np.clip((levels - CLIPS_FROM) / (CLIPPED - CLIPS_FROM), 0, 1)
    kept = (1 - clipped) * levels * gain + clipped * np.maximum(255.0, levels * gain)
    return cv2.LUT(image, np.clip(np.round(kept), 0, 255).astype(np.uint8)[None])


def overexposed(
    frames: np.ndarray, valid: np.ndarray, gains: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the camera clipped in frames that are lighter than most, and may be what was seen there
    before, or else is after.

    How light it is nobody knows, but those frames do. What is clipped in most of them shows no
    other look: that is how it looks.

    Args:
        frames: RGB uint8 (n, h, w, 3), as they were filmed; valid: bool (n, h, w).
        gains: float32 (n, 3), that bring them to one light.

    Returns:
        bool (n, h, w), and what those pixels look like in that light, RGB uint8 (n, h, w, 3).
    """
    clipped = np.stack([frame.max(axis=2) >= CLIPS_FROM for frame in frames]) & valid
    mostly = clipped.sum(axis=0) > MOSTLY_CLIPPED * valid.sum(axis=0)
    is_light = gains.min(axis=1) < 1 - LIGHTER
    asked = clipped & ~mostly & is_light[:, None, None]
    found, looks, number = np.zeros_like(asked), np.zeros_like(frames), len(frames)
    if not asked.any():
        return found, looks
    for order in (range(number), range(number)[::-1]):
        # A hand that passed was seen last: what was seen before it counts as well.
        known = [np.full(frames.shape[1:], -np.inf, np.float32) for _ in range(LOOKS)]
        for n in order:
            seen = frames[n] * gains[n]
            is_clipped = frames[n] >= CLIPS_FROM
            for look in known:
                off = look - seen
                same = ((abs(off) <= SAME) | ((off > 0) & is_clipped)).all(axis=2)
                new = asked[n] & ~found[n] & same
                looks[n][new] = look[new].clip(0, 255).round()
                found[n] |= new
            plain = valid[n] & ~clipped[n]
            other = plain & (abs(known[0] - seen) > SAME).any(axis=2)
            for k in range(1, LOOKS)[::-1]:
                known[k][other] = known[k - 1][other]
            known[0][plain] = seen[plain]
    return found, looks


def _gain(
    reference: np.ndarray, frame: np.ndarray, valid: np.ndarray, previous: np.ndarray
) -> np.ndarray:
    usable = valid & (frame.max(axis=2) < 250) & (frame.min(axis=2) > 25)
    usable &= reference.min(axis=2) > 25
    if usable.mean() < 0.1:
        return previous
    ratios = reference[usable] / frame[usable]
    gain = np.median(ratios, axis=0)
    agreeing = (np.abs(ratios / gain - 1) < BAND).all(axis=1).mean()
    step = np.abs(gain / previous - 1).max()
    if agreeing < MIN_SHARE or step > MAX_STEP or np.abs(gain - 1).max() > MAX_TOTAL:
        return previous
    # Follow with a short lag: single frames are noisy, the light is not.
    new = previous + 0.5 * (gain - previous)
    return np.where(np.abs(new - previous) < DEADBAND * 0.1, previous, new).astype(np.float32)
