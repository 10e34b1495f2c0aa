"""Motion models of a plane whose displacements are linear in their parameters, for small motions.

Points and displacements are in units of half an image, from its centre.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class MotionModel(Protocol):
    """A motion model with a few parameters."""

    def design_matrix(self, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Returns the matrix float (n, parameters) from parameters to displacements (n,).

        Args:
            points: where the displacements are measured (n, 2).
            directions: unit vectors (n, 2) along which they are measured.
        """
        ...

    def homography(self, parameters: np.ndarray) -> np.ndarray:
        """Returns the motion as a homography (3, 3)."""
        ...


class ShiftAndRotation:
    """A shift and a rotation in a plane that is viewed obliquely: four parameters.

    The view is foreshortened in one direction, so the rotation has separate parameters for the
    effect of y on x and of x on y.
    """

    def design_matrix(self, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
        return np.column_stack(
            [directions, -directions[:, 0] * points[:, 1], directions[:, 1] * points[:, 0]]
        )

    def homography(self, parameters: np.ndarray) -> np.ndarray:
        x, y, by_y, by_x = parameters
        cosine = np.sqrt(1 - np.clip(by_y * by_x, 0, 0.5))
        return np.array([[cosine, -by_y, x], [by_x, cosine, y], [0, 0, 1.0]])


class SmallHomography:
    """A homography: eight parameters."""

    def design_matrix(self, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
        along = (directions * points).sum(axis=1)[:, None]
        linear = [directions[:, i : i + 1] * points for i in (0, 1)]
        return np.column_stack([directions, *linear, along * points])

    def homography(self, parameters: np.ndarray) -> np.ndarray:
        x, y, xx, xy, yx, yy, far_x, far_y = parameters
        return np.array([[1 + xx, xy, x], [yx, 1 + yy, y], [-far_x, -far_y, 1.0]])
