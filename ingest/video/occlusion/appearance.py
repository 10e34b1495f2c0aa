"""Learns the colours of hands and tools in one video and finds them in every frame.

Durations alone do not separate a resting hand from paint; colours do. They are learned from pixels
that were seen to move (they differ from the canvas before and after), against the colours of the
canvas. Only regions that touch the border of the view count, so a hand that is painted in the
picture stays paint.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.difference import KERNEL, differs
from ingest.video.occlusion.static_regions import regions_with_static_rim, static_pixels

LAB_SHIFTS = (4, 3, 3)
"""Bits dropped of L, a and b (0 to 255 each): bins of 16 grey levels of L, of 8 of a and b."""
HISTOGRAM_SHAPE = (16, 32, 32)
"""Bins of L, a and b."""
HISTOGRAM_BLUR_BINS = 1.0
"""Standard deviation, in bins, by which histograms are smoothed."""
EVIDENCE_BLUR_PX = 1.5
"""Standard deviation by which the log-likelihood ratio of a frame is smoothed."""
ROUNDS = 3
"""How often colours are learned anew from the occluders that were found."""
MIN_LIKELIHOOD = 1e-6
"""Added to each bin's likelihood, so that unseen colours have a finite ratio."""
MIN_SEED_SHARE = 0.004
"""Least share of all pixels that must be seen to move to learn colours from them."""
MAX_SEED_SHARE = 0.5
"""Share of the view from which a change is a flash or a dissolve, and not learned from."""
MIN_REGION_SHARE = 0.004
"""Least share of the view of an occluder."""
MAX_REGION_SHARE = 0.65
"""Largest share of the view of an occluder: what is larger is a wash, or another picture."""
MIN_PIXEL_STATIC_SHARE = 0.25
"""Share of the frames from which a pixel of constant colour is no hand."""
MIN_REGION_STATIC_SHARE = 0.05
"""Share of the frames from which a region of constant colour is no hand, if its rim is constant
too."""
MIN_MULTI_VIEW_RATIO = 0.5
"""Least log-likelihood ratio of a hand in footage with many camera positions. There the exposure
jumps, so that most paint differs from the first and the last state."""
BORDER_KERNEL = np.ones((7, 7), np.uint8)
"""A region touches the border of the view if it comes within three pixels of it."""


def occluders_by_colour(
    frames: np.ndarray,
    valid: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    tolerance: np.ndarray,
    *,
    is_reframed: bool = False,
) -> np.ndarray:
    """Returns bool (n, h, w): hands and tools; empty where nothing was seen to move.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, exposure evened.
        valid: bool (n, h, w), where the frames have pixels.
        first, last: the clean canvas at the start and at the end, RGB uint8 (h, w, 3).
        tolerance: float32 (h, w), largest difference between two observations of the same paint.
        is_reframed: the footage has many camera positions; static pixels then count as canvas.
    """
    late = np.stack([differs(f, last, tolerance) for f in frames]) & valid
    early = np.stack([differs(f, first, tolerance) for f in frames]) & valid
    new = late & early
    seeds = _moving_pixels(frames, valid, tolerance) & new
    if seeds.mean() < MIN_SEED_SHARE:
        return np.zeros_like(valid)
    codes = quantize_colours(frames)
    resting = static_pixels(frames, tolerance, max(3, round(MIN_PIXEL_STATIC_SHARE * len(frames))))
    static = static_pixels(frames, tolerance, max(3, round(MIN_REGION_STATIC_SHARE * len(frames))))
    paint = static & valid if is_reframed else np.zeros_like(valid)
    min_ratio = MIN_MULTI_VIEW_RATIO if is_reframed else 0.0
    occluders, canvas = seeds, (valid & ~new) | paint
    found = np.zeros_like(valid)
    for _ in range(ROUNDS):
        ratio = log_likelihood_ratio(codes, occluders, canvas) - min_ratio
        # The first or last state may show a hand itself; there nothing is compared with it.
        apart = differs(first, last, tolerance)
        hand_in_first, hand_in_last = (
            _regions_at_view_border(ratio[_quantized(state)], apart & ~resting[n], valid[n])
            for state, n in ((first, 0), (last, -1))
        )
        new = (late | hand_in_last) & (early | hand_in_first)
        for n in range(len(frames)):
            evidence = ratio[codes[n]]
            still = regions_with_static_rim(static[n] & (evidence > 0), static[n], valid[n])
            candidates = new[n] & ~resting[n] & ~still
            found[n] = _regions_at_view_border(evidence, candidates, valid[n])
        occluders, canvas = found & new & ~paint, (valid & ~dilate_masks(found)) | paint
        if not occluders.any():
            break
    return dilate_masks(found)


def _moving_pixels(frames: np.ndarray, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Returns bool (n, h, w): pixels that differ from the frame before and from the one after."""
    moved = np.stack(
        [
            differs(a, b, tolerance) & seen & later
            for a, b, seen, later in zip(frames, frames[1:], valid, valid[1:], strict=False)
        ]
    )
    result = np.zeros_like(valid)
    result[1:-1] = moved[:-1] & moved[1:]
    for n, part in enumerate(result):
        opened = cv2.morphologyEx(part.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
        result[n] = opened & (opened.mean() < MAX_SEED_SHARE)
    return result


def quantize_colours(frames: np.ndarray) -> np.ndarray:
    """Returns int32 (n, h, w): the bin of each pixel in a flat histogram of Lab colours."""
    return np.stack([_quantized(frame) for frame in frames])


def _quantized(frame: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB).astype(np.int32)
    light, a, b = (lab[..., k] >> LAB_SHIFTS[k] for k in range(3))
    return (light << 10) | (a << 5) | b


def log_likelihood_ratio(
    codes: np.ndarray, occluders: np.ndarray, canvas: np.ndarray
) -> np.ndarray:
    """Returns float32 (bins,): the log of how much likelier each colour is on occluders than on
    the canvas.

    Args:
        codes: int32 (n, h, w), of `quantize_colours`.
        occluders, canvas: bool (n, h, w), the pixels to learn from.
    """
    parts = []
    for mask in (occluders, canvas):
        counts = np.bincount(codes[mask], minlength=16 << 10).astype(np.float32)
        histogram = counts.reshape(HISTOGRAM_SHAPE)
        for axis in range(3):
            histogram = _smoothed(histogram, axis)
        total = max(float(histogram.sum()), 1.0)
        parts.append(histogram.ravel() / total + MIN_LIKELIHOOD)
    return np.log(parts[0] / parts[1])


def _smoothed(histogram: np.ndarray, axis: int) -> np.ndarray:
    """Returns a histogram that is blurred along one axis."""
    weights = np.exp(-0.5 * (np.arange(-2, 3) / HISTOGRAM_BLUR_BINS) ** 2)
    return np.apply_along_axis(
        lambda row: np.convolve(row, weights / weights.sum(), mode="same"), axis, histogram
    )


def _regions_at_view_border(
    evidence: np.ndarray, candidates: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Returns bool (h, w): regions of positive evidence that touch the border of the view.

    Args:
        evidence: float32 (h, w), log-likelihood ratio of an occluder.
        candidates: bool (h, w), pixels that may be occluders.
    """
    masked = np.where(candidates, evidence, -1.0).astype(np.float32)
    likely = cv2.GaussianBlur(masked, (0, 0), EVIDENCE_BLUR_PX) > 0
    closed = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, found, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
    labels = found.astype(np.int32)
    inner = cv2.erode(valid.astype(np.uint8), BORDER_KERNEL, borderValue=0) > 0
    keep = np.zeros(len(stats), bool)
    keep[np.unique(labels[valid & ~inner])] = True
    size = stats[:, cv2.CC_STAT_AREA] / valid.size
    keep &= (size > MIN_REGION_SHARE) & (size < MAX_REGION_SHARE)
    keep[0] = False
    return keep[labels]


def dilate_masks(masks: np.ndarray) -> np.ndarray:
    """Returns masks, bool (n, h, w), dilated by two pixels for their soft borders."""
    return np.stack([cv2.dilate(m.astype(np.uint8), KERNEL, iterations=2) > 0 for m in masks])
