"""Undoes drift of light by what lies around the canvas: table and wall do not change by paint.

Every frame is compared with the typical look of its surroundings over the whole video; what passes
there (hands, palettes) is a minority and the most common ratio is not moved by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.video.imaging.geometry import area_of, grown, scaling, transform, valid_area, warp
from ingest.video.imaging.median import median_of_rows
from ingest.video.lighting.light import agreed_ratio

MARGIN, MIN_AREA = 1.06, 0.05
"""How much larger than the canvas the area left out is (its edge, its shadow), and the least share
of the picture that must be left to judge by."""
MIN_AGREEING, BAND = 0.35, 0.04
"""Share of the surroundings that must have the same ratio, within the band, for it to be light."""
REFERENCE_FRAMES, MAX_GAIN, DARK, BRIGHT, SOFT_PX = 25, 2.0, 20, 250, 4.0
LOGARITHM = np.log(np.maximum(np.arange(256, dtype=np.float32), 1))
"""Of every grey level."""


def surrounding_gains(
    smalls: list[np.ndarray],
    poses: list[np.ndarray],
    canvases: list[np.ndarray],
    size: tuple[int, int],
    factor: float,
) -> np.ndarray | None:
    """Factors float32 (n, 3) that bring every frame to one light, NaN where a frame shows too
    little of the surroundings; None where there are none to judge by.

    Args:
        smalls: frames RGB uint8 (h, w, 3).
        poses: homographies (3, 3) from small frames to take coordinates.
        canvases: where the canvas lies in take coordinates, (4, 2) each.
        size: (width, height) of the take.
        factor: scale at which the surroundings are compared, of take coordinates.
    """
    shrink = scaling(factor)
    goal = (round(size[0] * factor), round(size[1] * factor))
    outside = _outside([transform(shrink, corners) for corners in canvases], goal)
    if outside.mean() < MIN_AREA:
        return None
    table = _Table(smalls, [shrink @ pose for pose in poses], outside)
    every = max(1, len(smalls) // REFERENCE_FRAMES)
    found = np.ones((len(smalls), 3), np.float32)
    for _ in range(2):
        exact = table.exact.gains(table.seen, found, every, range(len(smalls)))
        lacking = np.flatnonzero(np.isnan(exact[:, 0]))
        if len(lacking):
            # Where the table lies elsewhere under the canvas, what is about there tells the light.
            start = found if len(lacking) == len(exact) else _filled(exact)
            exact[lacking] = table.soft.gains(table.seen, start, every, lacking)
        if np.isnan(exact[:, 0]).mean() > 0.5:
            return None
        found = _filled(exact)
    return found.astype(np.float32)


class _Table:
    """What lies around the canvas in every frame."""

    def __init__(
        self, smalls: list[np.ndarray], matrices: list[np.ndarray], outside: np.ndarray
    ) -> None:
        number, size = int(outside.sum()), (outside.shape[1], outside.shape[0])
        exact = np.zeros((len(smalls), 3, number), np.uint8)
        soft = np.zeros_like(exact)
        self.seen = np.zeros((len(smalls), number), bool)
        for n, (small, matrix) in enumerate(zip(smalls, matrices, strict=True)):
            look = warp(small, matrix, size)
            valid = valid_area(small.shape, matrix, size)
            weight = (valid & outside).astype(np.float32)
            near = cv2.GaussianBlur(look * weight[..., None], (0, 0), SOFT_PX)
            near /= np.maximum(cv2.GaussianBlur(weight, (0, 0), SOFT_PX), 1e-3)[..., None]
            self.seen[n] = valid[outside]
            exact[n] = look[outside].T
            soft[n] = np.clip(near[outside].round(), 0, 255).T
        self.exact = _Looks(exact)
        self.soft = _Looks(soft)
        """The same, blurred: a table that lies a little elsewhere looks the same there."""


class _Looks:
    """RGB uint8 (n, 3, pixels): what all frames show of the same places."""

    def __init__(self, looks: np.ndarray) -> None:
        self.looks = looks
        self.usable = (looks.max(axis=1) < BRIGHT) & (looks.min(axis=1) > DARK)

    def gains(
        self, seen: np.ndarray, known: np.ndarray, every: int, wanted: Sequence[int] | np.ndarray
    ) -> np.ndarray:
        """Gains (m, 3) of the wanted frames (m,) against the middle look of the frames in the light
        that is known so far (n, 3); NaN where too little agrees on one.

        Args:
            seen: bool (n, pixels).
            every: how many frames there are to one that the middle look is of.
        """
        lit = self.looks[::every] * known[::every, :, None]
        reference = _nanmedian(np.where(seen[::every, None], lit, np.float32(np.nan)))
        is_known, logarithm = np.isfinite(reference[0]), np.log(np.maximum(reference, 1))
        usable = seen & self.usable & is_known
        return np.array([_gain(logarithm, self.looks[n], usable[n]) for n in wanted])


def _outside(canvases: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """bool (h, w): around the canvases, clear of their edges."""
    hidden = [area_of(grown(corners, MARGIN), size[::-1]) for corners in canvases]
    return ~np.any(hidden, axis=0)


def _gain(reference: np.ndarray, look: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The most common ratio (3,) of a reference, of which the logarithm (3, pixels) is given, and a
    look (3, pixels); NaN where there is none."""
    if usable.sum() < max(50, 0.2 * len(usable)):
        return np.full(3, np.nan)
    seen = np.compress(usable, look, axis=1)
    ratios = np.compress(usable, reference, axis=1) - LOGARITHM[seen]
    centre = agreed_ratio(ratios, median_of_rows(ratios), BAND, MIN_AGREEING)
    if centre is None or np.abs(centre).max() >= np.log(MAX_GAIN):
        return np.full(3, np.nan)
    return np.exp(centre)


def _nanmedian(looks: np.ndarray) -> np.ndarray:
    """Median (3, pixels) over frames, NaN where no frame has the pixel."""
    ordered = np.sort(looks, axis=0)  # NaN come last
    count = np.isfinite(looks[:, 0]).sum(axis=0)
    middle = np.maximum(count - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None, None], axis=0)[0]


def _filled(gains: np.ndarray) -> np.ndarray:
    """Frames without a gain take that of the nearest frame that has one."""
    known = np.flatnonzero(np.isfinite(gains[:, 0]))
    every = np.arange(len(gains))
    nearest = known[np.abs(every[:, None] - known[None]).argmin(axis=1)]
    return gains[nearest]
