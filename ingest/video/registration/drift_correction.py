"""Estimates corrections for parts of a shot whose poses drifted off the static reference.

If the canvas is moved, or two views dissolve into each other, tracking may go on with a wrong pose.
The frames from there on are consistent with each other, but drifted. Their composite is registered
to the static reference by SIFT features (those outside of the canvas first, because the table is
static), and the result is refined and checked there.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.geometry import grown, transform, within
from ingest.video.registration.homography import (
    Features,
    normalised_grey,
    register_by_features,
    sift_features,
)
from ingest.video.registration.static_reference import StaticReference

MIN_INLIERS = 20
"""Least number of matched features that must agree."""
CANVAS_FACTOR = 1.06
"""Features within the canvas enlarged by this factor are left out at first."""
MIN_HULL_SHARE_DRIFTED = 0.2
"""Least hull area of the inliers, as a share of that of all static points. It is small because a
moved canvas may fill most of the view."""
MIN_DRIFT_SHARE = 0.004
"""Least displacement of an image corner that is corrected, as a share of the image diagonal."""


def find_drift_corrections(
    composites: list[np.ndarray], reference: StaticReference, canvas: np.ndarray | None
) -> list[np.ndarray | None]:
    """Returns for each composite the homography (3, 3) that registers it to the reference.

    It is None for composites that are registered already or cannot be.

    Args:
        composites: RGB uint8 (h, w, 3) of a shot in order of time.
        canvas: approximate corners (4, 2) of the canvas in shot coordinates, if known.
    """
    found: list[np.ndarray | None] = []
    known: tuple[Features, ...] = ()
    for composite in composites:
        grey = normalised_grey(composite)
        if reference.refine_pose(grey, np.eye(3)) is not None:
            found.append(None)
            continue
        if not known:
            everywhere = sift_features(reference.grey)
            known = (
                (everywhere,)
                if canvas is None
                else (_outside_canvas(everywhere, canvas), everywhere)
            )
        found.append(_correction(sift_features(grey), grey, known, reference))
    return found


def _correction(
    seen: Features,
    image: np.ndarray,
    known: tuple[Features, ...],
    reference: StaticReference,
) -> np.ndarray | None:
    """Returns the homography (3, 3) from a composite to the reference, or None.

    Args:
        seen: features of the composite.
        image: the composite as contrast-normalised grey uint8 (h, w).
        known: features of the reference; each set is tried until one fits.
    """
    height, width = image.shape
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    for part in known:
        fit = register_by_features(part, seen, image.shape)
        if fit is None or fit.num_inliers < MIN_INLIERS:
            continue
        fine = reference.refine_pose(image, fit.matrix, MIN_HULL_SHARE_DRIFTED)
        if fine is None:
            continue
        moved = np.linalg.norm(transform(fine.pose, outline) - outline, axis=1).max()
        return fine.pose if moved > MIN_DRIFT_SHARE * np.hypot(width, height) else None
    return None


def _outside_canvas(features: Features, canvas: np.ndarray) -> Features:
    """Returns the features that lie outside of the canvas, corners (4, 2)."""
    outside = ~within(features.points, grown(canvas, CANVAS_FACTOR))
    return Features(features.points[outside], features.descriptors[outside])
