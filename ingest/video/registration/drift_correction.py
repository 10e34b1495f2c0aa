"""Brings parts of a take that slid off what lasts in it back onto it.

A canvas that is pushed, or two views that dissolve into each other, can make the tracking go on
with a pose between the two that fits neither. A whole stretch of frames is then consistent in
itself, and wrong. The stretch's composite is found again in what lasts through the take, by
features beside the canvas first (the table stays where it is), and checked by settling it there.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.geometry import grown, transform, within
from ingest.video.registration.homography import Features, features, grey, recover
from ingest.video.registration.settle import Ground

LEAST_INLIERS, BESIDE = 20, 1.06
"""Features that must agree; and how much larger than the canvas the area is that is left out."""
MIN_SEEN = 0.2
"""Least area that what is found again spans, as a share of all that lasts: a pushed canvas may be
most of what is in view."""
SLID_SHARE = 0.004
"""Least move of the view's corners, as a share of its diagonal, that is worth a correction."""


def reground(
    composites: list[np.ndarray], ground: Ground, canvas: np.ndarray | None
) -> list[np.ndarray | None]:
    """For each composite the homography (3, 3) that brings it onto the ground, None where it lies
    on it already or cannot be found.

    Args:
        composites: RGB uint8 (h, w, 3) of a take in order of time.
        canvas: about where the canvas is, in take coordinates (4, 2), if that is known.
    """
    found: list[np.ndarray | None] = []
    known: tuple[Features, ...] = ()
    for composite in composites:
        seen = grey(composite)
        if ground.settle(seen, np.eye(3)) is not None:
            found.append(None)
            continue
        if not known:
            whole = features(ground.grey)
            known = (whole,) if canvas is None else (beside(whole, canvas), whole)
        found.append(_found_again(features(seen), seen, known, ground))
    return found


def _found_again(
    seen: Features,
    image: np.ndarray,
    known: tuple[Features, ...],
    ground: Ground,
) -> np.ndarray | None:
    height, width = image.shape
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    for part in known:
        fit = recover(part, seen, image.shape)
        if fit is None or fit.num_inliers < LEAST_INLIERS:
            continue
        fine = ground.settle(image, fit.matrix, MIN_SEEN)
        if fine is None:
            continue
        moved = np.linalg.norm(transform(fine.pose, outline) - outline, axis=1).max()
        return fine.pose if moved > SLID_SHARE * np.hypot(width, height) else None
    return None


def beside(found: Features, canvas: np.ndarray) -> Features:
    """The features that lie beside the canvas (4, 2)."""
    outside = ~within(found.points, grown(canvas, BESIDE))
    return Features(found.points[outside], found.descriptors[outside])
