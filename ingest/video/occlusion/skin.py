"""A thumb that holds the page: skin that reaches onto a sheet from beyond the view.

What holds the page does not pass, so nothing that moves teaches its colours
(`ingest.video.occlusion.appearance`). It is told by being skin, by coming in across the border of
the view, where the sheet goes on, and by its colours, which are seldom on the rest of the sheet:
what is painted in colours of skin is in them elsewhere too.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.connected_components import pieces
from ingest.video.imaging.difference import differs
from ingest.video.occlusion.appearance import colour_codes, grown_cover, log_ratio

SKIN_CR, SKIN_CB = (140, 173), (77, 127)
"""Chroma (YCrCb) of skin of any tone: Chai and Ngan (1999), less the side that paper in warm light
has too."""
LEAST_PIECE, MOST_PIECE = 0.0005, 0.03
"""Least and largest share of the sheet of a piece of skin. A whole hand moves, which tells it."""
SAME_LOOK = 30.0
"""Channel difference, of 255, up to which a place still shows what lies on it."""
REACH_PX, SOFT_PX = 3, 1.0
"""How near the border of the view a piece begins; and by how much evidence is smoothed (standard
deviation)."""


def resting_skin(frames: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """bool (n, h, w): where skin reaches onto the sheet from beyond the view.

    Args:
        frames: RGB uint8 (n, h, w, 3), the rectified sheet, equal light; valid: bool (n, h, w).
    """
    seeds = np.stack([_from_border(_skin(f) & v, v) for f, v in zip(frames, valid, strict=True)])
    if not seeds.any():
        return seeds
    codes = colour_codes(frames)
    elsewhere = valid & ~grown_cover(seeds)
    # By count: a colour of the sheet that is cut off by the border is seen elsewhere more often.
    ratio = log_ratio(codes, seeds, elsewhere) + np.log(seeds.sum() / max(elsewhere.sum(), 1))
    found = np.zeros_like(valid)
    for n, seen in enumerate(valid):
        if seeds[n].any():
            evidence = np.where(seen, ratio[codes[n]], -1.0).astype(np.float32)
            found[n] = _from_border(cv2.GaussianBlur(evidence, (0, 0), SOFT_PX) > 0, seen)
    # Twice: its rim shines on what it lies on.
    return grown_cover(grown_cover(_wherever_it_rests(found, frames, valid)))


def _wherever_it_rests(found: np.ndarray, frames: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """What was found, and where other frames show the same look at the same place of the sheet."""
    times = found.sum(axis=0)
    if not times.any():
        return found
    total = np.where(found[..., None], frames, 0).sum(axis=0, dtype=np.float64)
    look = (total / np.maximum(times, 1)[..., None]).astype(np.uint8)
    tolerance = np.full(times.shape, SAME_LOOK, np.float32)
    same = np.stack([~differs(frame, look, tolerance) for frame in frames])
    return found | (same & (times > 0) & valid)


def _skin(frame: np.ndarray) -> np.ndarray:
    """bool (h, w): pixels in the chroma of skin."""
    _, cr, cb = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    inside = (cr >= SKIN_CR[0]) & (cr <= SKIN_CR[1]) & (cb >= SKIN_CB[0]) & (cb <= SKIN_CB[1])
    return np.asarray(inside, bool)


def _from_border(mask: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Small pieces of a mask that begin at the border of the view, within the sheet."""
    size = 2 * REACH_PX + 1
    inner = cv2.erode(valid.astype(np.uint8), np.ones((size, size), np.uint8), borderValue=1) > 0
    labels, number = pieces(mask)
    area = np.bincount(labels.ravel(), minlength=number) / mask.size
    keep = np.zeros(number, bool)
    keep[np.unique(labels[valid & ~inner])] = True
    keep &= (area >= LEAST_PIECE) & (area <= MOST_PIECE)
    keep[0] = False
    return keep[labels]
