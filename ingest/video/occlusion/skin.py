"""Finds a thumb that holds the page: skin that reaches onto the page from outside the view.

Such a thumb does not move, so its colours are not learned from motion
(`ingest.video.occlusion.appearance`). It is found by three properties: it has the chroma of skin,
it crosses the border of the view, and its colours are rare on the rest of the page. A picture in
the colours of skin has them elsewhere too.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.connected_components import label_components
from ingest.video.imaging.difference import differs
from ingest.video.occlusion.appearance import dilate_masks, log_likelihood_ratio, quantize_colours

SKIN_CR = (140, 173)
"""Range of Cr (YCrCb, 0 to 255) of skin of any tone, after Chai and Ngan (1999), without the lower
part, which paper in warm light has too."""
SKIN_CB = (77, 127)
"""Range of Cb (0 to 255) of skin of any tone, after Chai and Ngan (1999)."""
MIN_REGION_SHARE = 0.0005
"""Least share of the page of a region of skin."""
MAX_REGION_SHARE = 0.03
"""Largest share of the page of a region of skin. A whole hand moves and is found by its motion."""
SKIN_TOLERANCE = 30.0
"""Largest channel difference (of 255) between two observations of the same resting skin."""
BORDER_PX = 3
"""Largest distance of a region from the border of the view."""
EVIDENCE_BLUR_PX = 1.0
"""Standard deviation by which the log-likelihood ratio of a frame is smoothed."""


def skin_at_view_border(frames: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns bool (n, h, w): where skin reaches onto the page from outside the view.

    Args:
        frames: RGB uint8 (n, h, w, 3), the rectified page, exposure evened.
        valid: bool (n, h, w), where the frames have pixels.
    """
    seeds = np.stack(
        [_small_regions_at_view_border(_skin(f) & v, v) for f, v in zip(frames, valid, strict=True)]
    )
    if not seeds.any():
        return seeds
    codes = quantize_colours(frames)
    elsewhere = valid & ~dilate_masks(seeds)
    # By count: a colour of the page that is cut off by the border is seen elsewhere more often.
    prior = np.log(seeds.sum() / max(elsewhere.sum(), 1))
    ratio = log_likelihood_ratio(codes, seeds, elsewhere) + prior
    found = np.zeros_like(valid)
    for n, seen in enumerate(valid):
        if seeds[n].any():
            evidence = np.where(seen, ratio[codes[n]], -1.0).astype(np.float32)
            likely = cv2.GaussianBlur(evidence, (0, 0), EVIDENCE_BLUR_PX) > 0
            found[n] = _small_regions_at_view_border(likely, seen)
    # Twice, because skin tints the page next to it.
    return dilate_masks(dilate_masks(_in_all_frames(found, frames, valid)))


def _in_all_frames(found: np.ndarray, frames: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns what was found, bool (n, h, w), and where other frames show the same colour at the
    same place of the page."""
    times = found.sum(axis=0)
    if not times.any():
        return found
    total = np.where(found[..., None], frames, 0).sum(axis=0, dtype=np.float64)
    mean = (total / np.maximum(times, 1)[..., None]).astype(np.uint8)
    tolerance = np.full(times.shape, SKIN_TOLERANCE, np.float32)
    same = np.stack([~differs(frame, mean, tolerance) for frame in frames])
    return found | (same & (times > 0) & valid)


def _skin(frame: np.ndarray) -> np.ndarray:
    """Returns bool (h, w): pixels with the chroma of skin."""
    _, cr, cb = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    inside = (cr >= SKIN_CR[0]) & (cr <= SKIN_CR[1]) & (cb >= SKIN_CB[0]) & (cb <= SKIN_CB[1])
    return np.asarray(inside, bool)


def _small_regions_at_view_border(mask: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns the small regions of a mask, bool (h, w), that touch the border of the view within
    the page."""
    size = 2 * BORDER_PX + 1
    inner = cv2.erode(valid.astype(np.uint8), np.ones((size, size), np.uint8), borderValue=1) > 0
    labels, number = label_components(mask)
    area = np.bincount(labels.ravel(), minlength=number) / mask.size
    keep = np.zeros(number, bool)
    keep[np.unique(labels[valid & ~inner])] = True
    keep &= (area >= MIN_REGION_SHARE) & (area <= MAX_REGION_SHARE)
    keep[0] = False
    return keep[labels]
