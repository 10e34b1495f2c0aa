"""What hands and tools look like in this very video, and where they are in every frame.

Time alone cannot tell a hand that rests from paint. Its colours can: they are learned from what was
seen to pass (differs from the canvas before and after it), against the colours of the canvas, and
found again where the hand rests. Only what reaches in from the rim of the view counts, so that a
hand that is painted in the picture stays paint.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.difference import KERNEL, differs
from ingest.video.occlusion.settled import settled_pieces, still_for

SHIFTS = (4, 3, 3)
"""Bits dropped of Lab (0 to 255 each): bins of 16 levels of light, 8 of each colour."""
BLUR_BINS, BLUR_PX = 1.0, 1.5
"""Standard deviations by which histograms, and the evidence of a frame, are smoothed."""
ROUNDS, FLOOR = 3, 1e-6
LEAST_SEEDS, MOST_SEEDS = 0.004, 0.5
"""Share of all pixels that must be seen to pass to learn from them; a frame in which more of the
view changes is a flash or a dissolve and teaches nothing."""
LEAST_PIECE, MOST_PIECE = 0.004, 0.65
"""Least and largest share of the view of a piece: what is larger is a wash, or another picture."""
RESTS_SHARE, SETTLED_SHARE = 0.25, 0.05
"""Share of the frames over which a pixel may keep one colour and still be taken for a hand; and
from which it may not, if all around it stands still as well."""
FOLLOWED_EVIDENCE = 0.5
"""The least evidence of a hand in footage that is set up anew often. There light jumps, so that
most paint differs from the first and the last state; it is known by standing still."""


def passing_cover(
    frames: np.ndarray,
    valid: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    tolerance: np.ndarray,
    *,
    is_followed: bool = False,
) -> np.ndarray:
    """bool (n, h, w): where hands and tools are; nothing where none were seen to pass.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, equal light; valid: bool (n, h, w).
        first, last: the clean canvas at the start and at the end, RGB uint8 (h, w, 3).
        tolerance: float32 (h, w), difference up to which two looks show the same paint.
        is_followed: the footage is set up anew often; what stands still teaches the canvas's looks.
    """
    late = np.stack([differs(f, last, tolerance) for f in frames]) & valid
    early = np.stack([differs(f, first, tolerance) for f in frames]) & valid
    new = late & early
    seeds = _transient(frames, valid, tolerance) & new
    if seeds.mean() < LEAST_SEEDS:
        return np.zeros_like(valid)
    codes = colour_codes(frames)
    still = still_for(frames, tolerance, max(3, round(RESTS_SHARE * len(frames))))
    standing = still_for(frames, tolerance, max(3, round(SETTLED_SHARE * len(frames))))
    paint = standing & valid if is_followed else np.zeros_like(valid)
    least = FOLLOWED_EVIDENCE if is_followed else 0.0
    cover, canvas = seeds, (valid & ~new) | paint
    found = np.zeros_like(valid)
    for _ in range(ROUNDS):
        ratio = log_ratio(codes, cover, canvas) - least
        # The first or last state may show a hand itself; there it is no witness.
        apart = differs(first, last, tolerance)
        no_first, no_last = (
            _pieces_from_rim(ratio[_code(state)], apart & ~still[n], valid[n])
            for state, n in ((first, 0), (last, -1))
        )
        new = (late | no_last) & (early | no_first)
        for n in range(len(frames)):
            evidence = ratio[codes[n]]
            settled = settled_pieces(standing[n] & (evidence > 0), standing[n], valid[n])
            found[n] = _pieces_from_rim(evidence, new[n] & ~still[n] & ~settled, valid[n])
        cover, canvas = found & new & ~paint, (valid & ~grown_cover(found)) | paint
        if not cover.any():
            break
    return grown_cover(found)


def _transient(frames: np.ndarray, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """bool (n, h, w): pixels that differ from the frame before and from the one after."""
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
        result[n] = opened & (opened.mean() < MOST_SEEDS)
    return result


def colour_codes(frames: np.ndarray) -> np.ndarray:
    """int32 (n, h, w): the colour bin of each pixel."""
    return np.stack([_code(frame) for frame in frames])


def _code(frame: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB).astype(np.int32)
    light, a, b = (lab[..., k] >> SHIFTS[k] for k in range(3))
    return (light << 10) | (a << 5) | b


def log_ratio(codes: np.ndarray, cover: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """float32 (bins,): how much likelier each colour is on cover than on the canvas, as a log."""
    parts = []
    for mask in (cover, canvas):
        counts = np.bincount(codes[mask], minlength=16 << 10).astype(np.float32)
        cube = counts.reshape(16, 32, 32)
        for axis in range(3):
            cube = _smoothed(cube, axis)
        parts.append(cube.ravel() / max(float(cube.sum()), 1.0) + FLOOR)
    return np.log(parts[0] / parts[1])


def _smoothed(cube: np.ndarray, axis: int) -> np.ndarray:
    weights = np.exp(-0.5 * (np.arange(-2, 3) / BLUR_BINS) ** 2)
    return np.apply_along_axis(
        lambda row: np.convolve(row, weights / weights.sum(), mode="same"), axis, cube
    )


def _pieces_from_rim(evidence: np.ndarray, new: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """bool (h, w): pieces that look like cover and reach in from the rim of the view."""
    likely = cv2.GaussianBlur(np.where(new, evidence, -1.0).astype(np.float32), (0, 0), BLUR_PX) > 0
    closed = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, found, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
    labels = found.astype(np.int32)
    inner = cv2.erode(valid.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=0) > 0
    keep = np.zeros(len(stats), bool)
    keep[np.unique(labels[valid & ~inner])] = True
    size = stats[:, cv2.CC_STAT_AREA] / valid.size
    keep &= (size > LEAST_PIECE) & (size < MOST_PIECE)
    keep[0] = False
    return keep[labels]


def grown_cover(found: np.ndarray) -> np.ndarray:
    return np.stack([cv2.dilate(f.astype(np.uint8), KERNEL, iterations=2) > 0 for f in found])
