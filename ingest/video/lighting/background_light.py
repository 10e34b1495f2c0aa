"""Estimates a gain for every frame from the background around the canvas.

Paint never changes the background (table, wall). Every frame is compared with the per-pixel median
of the background over the video. Hands and tools cover a minority of it and do not move the most
common ratio.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.video.imaging.geometry import area_of, grown, scaling, transform, valid_area, warp
from ingest.video.imaging.median import median_of_rows
from ingest.video.lighting.light import agreed_ratio

MARGIN = 1.06
"""Size of the area that is left out, relative to the canvas: it holds the edge and the shadow."""
MIN_AREA = 0.05
"""Least share of the picture that must be background."""
MIN_AGREEING = 0.35
"""Least share of the usable background pixels that must agree on one ratio."""
BAND = 0.04
"""Largest difference of logarithms, in any channel, at which ratios agree."""
REFERENCE_FRAMES = 25
"""About how many frames the reference is the median of."""
MAX_GAIN = 2.0
"""Gains of this and more, or of its inverse and less, are rejected."""
DARK = 20
"""Grey level up to which a pixel is too dark to give a ratio."""
BRIGHT = 250
"""Grey level from which a pixel may be clipped and gives no ratio."""
SOFT_PX = 4.0
"""Standard deviation of the blur that tolerates a background that lies a little elsewhere."""
LOGARITHM = np.log(np.maximum(np.arange(256, dtype=np.float32), 1))
"""float32 (256,): the logarithm of every grey level; that of 0 is taken as 0."""


def background_gains(
    smalls: list[np.ndarray],
    poses: list[np.ndarray],
    canvases: list[np.ndarray],
    size: tuple[int, int],
    factor: float,
) -> np.ndarray | None:
    """Gains float32 (n, 3), a factor per channel, that bring every frame to one light.

    A frame that shows too little background takes the gain of the nearest one that has one. None
    if there is too little background, or if more than half of the frames have no gain.

    Args:
        smalls: frames RGB uint8 (h, w, 3).
        poses: homographies (3, 3) from small frames to shot coordinates.
        canvases: where the canvas lies in shot coordinates, (4, 2) each.
        size: (width, height) of the shot.
        factor: scale, relative to shot coordinates, at which backgrounds are compared.
    """
    shrink = scaling(factor)
    goal = (round(size[0] * factor), round(size[1] * factor))
    outside = _outside([transform(shrink, corners) for corners in canvases], goal)
    if outside.mean() < MIN_AREA:
        return None
    background = _Background(smalls, [shrink @ pose for pose in poses], outside)
    every = max(1, len(smalls) // REFERENCE_FRAMES)
    found = np.ones((len(smalls), 3), np.float32)
    for _ in range(2):
        exact = background.exact.gains(background.seen, found, every, range(len(smalls)))
        lacking = np.flatnonzero(np.isnan(exact[:, 0]))
        if len(lacking):
            # A background that is shifted a little still agrees with its blurred copy.
            start = found if len(lacking) == len(exact) else _filled(exact)
            exact[lacking] = background.soft.gains(background.seen, start, every, lacking)
        if np.isnan(exact[:, 0]).mean() > 0.5:
            return None
        found = _filled(exact)
    return found.astype(np.float32)


class _Background:
    """The pixels around the canvas in every frame."""

    def __init__(
        self, smalls: list[np.ndarray], matrices: list[np.ndarray], outside: np.ndarray
    ) -> None:
        number, size = int(outside.sum()), (outside.shape[1], outside.shape[0])
        exact = np.zeros((len(smalls), 3, number), np.uint8)
        soft = np.zeros_like(exact)
        self.seen = np.zeros((len(smalls), number), bool)
        for n, (small, matrix) in enumerate(zip(smalls, matrices, strict=True)):
            warped = warp(small, matrix, size)
            valid = valid_area(small.shape, matrix, size)
            weight = (valid & outside).astype(np.float32)
            near = cv2.GaussianBlur(warped * weight[..., None], (0, 0), SOFT_PX)
            near /= np.maximum(cv2.GaussianBlur(weight, (0, 0), SOFT_PX), 1e-3)[..., None]
            self.seen[n] = valid[outside]
            exact[n] = warped[outside].T
            soft[n] = np.clip(near[outside].round(), 0, 255).T
        self.exact = _Colours(exact)
        self.soft = _Colours(soft)
        """The same, blurred."""


class _Colours:
    """RGB uint8 (n, 3, pixels): the colours of the same pixels in all frames."""

    def __init__(self, colours: np.ndarray) -> None:
        self.colours = colours
        self.usable = (colours.max(axis=1) < BRIGHT) & (colours.min(axis=1) > DARK)

    def gains(
        self, seen: np.ndarray, known: np.ndarray, every: int, wanted: Sequence[int] | np.ndarray
    ) -> np.ndarray:
        """Gains (m, 3) of the wanted frames (m,) relative to the per-pixel median; NaN for frames
        whose pixels agree on none.

        Args:
            seen: bool (n, pixels), pixels that are in view.
            known: gains (n, 3) so far, in whose light the median is taken.
            every: step between the frames of the median.
        """
        lit = self.colours[::every] * known[::every, :, None]
        reference = _nanmedian(np.where(seen[::every, None], lit, np.float32(np.nan)))
        is_known, logarithm = np.isfinite(reference[0]), np.log(np.maximum(reference, 1))
        usable = seen & self.usable & is_known
        return np.array([_gain(logarithm, self.colours[n], usable[n]) for n in wanted])


def _outside(canvases: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The area outside of all canvases and their margins: bool (h, w)."""
    hidden = [area_of(grown(corners, MARGIN), size[::-1]) for corners in canvases]
    return ~np.any(hidden, axis=0)


def _gain(reference: np.ndarray, colours: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The most common ratio (3,) of reference to colours; NaN where there is none.

    Args:
        reference: its logarithms, float (3, pixels).
        colours: uint8 (3, pixels); usable: bool (pixels,).
    """
    if usable.sum() < max(50, 0.2 * len(usable)):
        return np.full(3, np.nan)
    seen = np.compress(usable, colours, axis=1)
    ratios = np.compress(usable, reference, axis=1) - LOGARITHM[seen]
    centre = agreed_ratio(ratios, median_of_rows(ratios), BAND, MIN_AGREEING)
    if centre is None or np.abs(centre).max() >= np.log(MAX_GAIN):
        return np.full(3, np.nan)
    return np.exp(centre)


def _nanmedian(colours: np.ndarray) -> np.ndarray:
    """Median (3, pixels) over frames (n, 3, pixels), the lower one of an even number; NaN where no
    frame shows the pixel."""
    ordered = np.sort(colours, axis=0)  # NaN come last
    count = np.isfinite(colours[:, 0]).sum(axis=0)
    middle = np.maximum(count - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None, None], axis=0)[0]


def _filled(gains: np.ndarray) -> np.ndarray:
    """Gains (n, 3) in which NaN are replaced by the gain of the nearest frame that has one."""
    known = np.flatnonzero(np.isfinite(gains[:, 0]))
    every = np.arange(len(gains))
    nearest = known[np.abs(every[:, None] - known[None]).argmin(axis=1)]
    return gains[nearest]
