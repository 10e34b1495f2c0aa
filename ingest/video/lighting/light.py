"""Estimates changes of exposure and white balance from the canvas: a gain per channel and frame.

Between neighbouring frames most of the canvas stays the same; those pixels give the gain. A jump is
taken for paint (a whole canvas filled at once), not for light, and is not compensated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import cv2
import numpy as np

from ingest.video.imaging.median import median_of_rows

MEMORY = 9
"""Latest frames whose median is the reference."""
MAX_STEP = 0.06
"""Largest relative change of a gain between frames."""
MAX_TOTAL = 0.35
"""Largest difference of a gain from 1."""
MIN_SHARE = 0.5
"""Least share of the usable pixels that must agree on a gain."""
BAND = 0.03
"""Largest relative difference at which the ratio of a pixel agrees with the gain."""
DEADBAND = 0.004
"""Changes of a gain below a tenth of this are noise."""
CLIPS_FROM = 248
"""Grey level from which a channel may be clipped: videos are noisy."""
CLIPPED = 254
"""Grey level from which a channel is clipped for certain."""
LIGHTER = 0.04
"""How much below 1 all gains of an overexposed frame are at least."""
MOSTLY_CLIPPED = 0.5
"""Share of the frames above which a clipped pixel counts as white, not as overexposed."""
SAME = 13.0
"""Largest difference (of 255, in a channel) at which two colours are the same."""
REMEMBERED = 3
"""Latest different colours that are kept of every pixel."""
MAX_COMMON_LOG = 0.45
"""Largest common gain between two pictures, as a logarithm."""
COMMON_STEP = 0.03
"""Width of the histogram bins of logarithmic ratios, and how far a ratio may be off to agree."""
MIN_COMMON_SHARE = 0.08
"""Least share of pixels that must agree on the common gain."""


def gains(frames: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Factors float32 (n, 3) that bring every frame to the light of the first.

    Args:
        frames: pairs of RGB uint8 (h, w, 3) and bool (h, w), the pixels that are used.
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
    """The factors float32 (3,) that bring a picture to the light of another; ones if unclear.

    The pictures may be far apart in time, with most of the canvas painted over between them. Paint
    changes pixels in many ratios; light changes all unpainted pixels in one. The most frequent
    ratio is taken.

    Args:
        reference, image: RGB (h, w, 3), aligned.
    """
    one, other = (p[::2, ::2].reshape(-1, 3).astype(np.float32) for p in (reference, image))
    usable = (np.minimum(one, other).min(axis=1) > 20) & (np.maximum(one, other).max(axis=1) < 250)
    ratios = np.log(one[usable]) - np.log(other[usable])
    if len(ratios) < 100:
        return np.ones(3, np.float32)
    edges = np.arange(-MAX_COMMON_LOG, MAX_COMMON_LOG + COMMON_STEP / 2, COMMON_STEP)
    counts, _ = np.histogramdd(ratios, bins=(edges,) * 3)
    # A frequent ratio may be split between bins: each is counted with its neighbours.
    counts = np.sum([np.roll(counts, k, axis=(0, 1, 2)) for k in np.ndindex(2, 2, 2)], axis=0)
    best = np.unravel_index(int(np.argmax(counts)), counts.shape)
    start = np.array([edges[i] for i in best])
    centre = agreed_ratio(ratios.T, start, COMMON_STEP, MIN_COMMON_SHARE)
    return np.exp(np.zeros(3) if centre is None else centre).astype(np.float32)


def agreed_ratio(
    ratios: np.ndarray, start: np.ndarray, band: float, least_share: float
) -> np.ndarray | None:
    """The mode (3,) of ratios near `start`, by repeated medians; None if too few agree.

    Ratios are logarithms.

    Args:
        ratios: (3, n), of n pixels.
        band: largest difference, in any channel, at which a ratio agrees with the mode.
        least_share: least share of the ratios that must agree.
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
    """RGB uint8 (h, w, 3) times a gain (3,), clipped to 0 to 255.

    Pixels that the camera clipped are never made darker. Their brightness is unknown, and a gain
    below 1 would make one white paint different in every light.
    """
    if np.allclose(gain, 1.0):
        return image
    levels = np.arange(256.0)[:, None]
    clipped = np.clip((levels - CLIPS_FROM) / (CLIPPED - CLIPS_FROM), 0, 1)
    kept = (1 - clipped) * levels * gain + clipped * np.maximum(255.0, levels * gain)
    return cv2.LUT(image, np.clip(np.round(kept), 0, 255).astype(np.uint8)[None])


def recover_overexposed(
    frames: np.ndarray, valid: np.ndarray, gains: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Recovers clipped pixels of overexposed frames from frames before, or else after them.

    A pixel is recovered if it is consistent with a colour that it has in another frame, one of the
    `REMEMBERED` latest. Pixels that are clipped in most frames are white and stay.

    Args:
        frames: RGB uint8 (n, h, w, 3), as they were filmed; valid: bool (n, h, w).
        gains: float32 (n, 3), that bring them to one light.

    Returns:
        The recovered pixels, bool (n, h, w), and their colours in that light, RGB uint8
        (n, h, w, 3).
    """
    clipped = np.stack([frame.max(axis=2) >= CLIPS_FROM for frame in frames]) & valid
    mostly = clipped.sum(axis=0) > MOSTLY_CLIPPED * valid.sum(axis=0)
    is_light = gains.min(axis=1) < 1 - LIGHTER
    to_recover = clipped & ~mostly & is_light[:, None, None]
    found, colours, number = np.zeros_like(to_recover), np.zeros_like(frames), len(frames)
    if not to_recover.any():
        return found, colours
    for order in (range(number), range(number)[::-1]):
        # The latest colour may be that of a passing hand, so earlier ones are kept as well.
        known = [np.full(frames.shape[1:], -np.inf, np.float32) for _ in range(REMEMBERED)]
        for n in order:
            seen = frames[n] * gains[n]
            is_clipped = frames[n] >= CLIPS_FROM
            for colour in known:
                off = colour - seen
                same = ((abs(off) <= SAME) | ((off > 0) & is_clipped)).all(axis=2)
                new = to_recover[n] & ~found[n] & same
                colours[n][new] = colour[new].clip(0, 255).round()
                found[n] |= new
            unclipped = valid[n] & ~clipped[n]
            other = unclipped & (abs(known[0] - seen) > SAME).any(axis=2)
            for k in range(1, REMEMBERED)[::-1]:
                known[k][other] = known[k - 1][other]
            known[0][unclipped] = seen[unclipped]
    return found, colours


def _gain(
    reference: np.ndarray, frame: np.ndarray, valid: np.ndarray, previous: np.ndarray
) -> np.ndarray:
    """The gain (3,) of a frame; that of the frame before where its own is not trustworthy."""
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
    # Exponential smoothing: single frames are noisy, the light is not.
    new = previous + 0.5 * (gain - previous)
    return np.where(np.abs(new - previous) < DEADBAND * 0.1, previous, new).astype(np.float32)
