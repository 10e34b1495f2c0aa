"""Small motions of a plane, in numbers on which displacements depend linearly.

Places and displacements are in one unit: half a picture, counted from its middle.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Motion(Protocol):
    """A kind of motion."""

    def design(self, places: np.ndarray, ways: np.ndarray) -> np.ndarray:
        """How displacements along unit vectors (n, 2) at places (n, 2) follow from the numbers:
        float (n, numbers)."""
        ...

    def matrix(self, numbers: np.ndarray) -> np.ndarray:
        """The motion as a homography (3, 3)."""
        ...


class Turn:
    """A shift and a turn in a plane that is seen from aside: four numbers.

    Where one direction looks shorter than it is, a turn moves x by y and y by x in other amounts.
    """

    def design(self, places: np.ndarray, ways: np.ndarray) -> np.ndarray:
        return np.column_stack([ways, -ways[:, 0] * places[:, 1], ways[:, 1] * places[:, 0]])

    def matrix(self, numbers: np.ndarray) -> np.ndarray:
        x, y, by_y, by_x = numbers
        cosine = np.sqrt(1 - np.clip(by_y * by_x, 0, 0.5))
        return np.array([[cosine, -by_y, x], [by_x, cosine, y], [0, 0, 1.0]])


class Warp:
    """A homography: eight numbers."""

    def design(self, places: np.ndarray, ways: np.ndarray) -> np.ndarray:
        along = (ways * places).sum(axis=1)[:, None]
        linear = [ways[:, i : i + 1] * places for i in (0, 1)]
        return np.column_stack([ways, *linear, along * places])

    def matrix(self, numbers: np.ndarray) -> np.ndarray:
        x, y, xx, xy, yx, yy, far_x, far_y = numbers
        return np.array([[1 + xx, xy, x], [yx, 1 + yy, y], [-far_x, -far_y, 1.0]])
