"""Where the outline of the canvas lies at a certain time, to a fraction of a pixel.

A canvas that is pushed on its table takes its edge, its rim and its shadow along, whatever is
painted on it by then. All of it is compared with what it looks like where the place is known: in a
view in which the canvas is a rectangle, a push is a shift and a turn, and every point of a side
says how far the side moved along its normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import to_rectangle, warp

SIDE_PX = 320
"""Short side of the canvas in the view in which outlines are compared."""
BAND_PX, REACH_PX = 7, 26
"""What is compared reaches so far to both sides of the outline; and how far it is sought."""
SAMPLES = 48
"""Points along a side."""
MAX_TURN_DEG, TURN_STEP_DEG = 4.0, 0.25
LEAST_ALIKE = 0.5
"""How alike a point of a side must be to tell how far it moved."""
LEAST_ENERGY = 60.0
"""Sum of squared gradients (grey levels a pixel) below which a point of a side shows no edge."""


@dataclass(frozen=True, eq=False)
class Outline:
    """What lies across the sides of a canvas: gradients along their normals."""

    profiles: np.ndarray
    """float32 (4, SAMPLES, 2 * (BAND_PX + REACH_PX) + 1), without sign: a bare canvas is lighter
    than the table, and painted it may be darker."""


@dataclass(frozen=True)
class Push:
    """How a canvas lies against where it lay, in the pixels of the view of `SIDE_PX`."""

    shift_px: tuple[float, float]
    turn_rad: float
    likeness: float
    """How alike the outlines are there, at most 1."""
    likeness_unmoved: float
    """How alike they are where it lay."""


class OutlineView:
    """The canvas with its surroundings, as a rectangle."""

    def __init__(self, canvas: Canvas) -> None:
        self.width, self.height = canvas.size_px(SIDE_PX)
        self.margin = BAND_PX + REACH_PX + 3
        shift = np.array([[1, 0, self.margin], [0, 1, self.margin], [0, 0, 1.0]])
        self.matrix = shift @ to_rectangle(canvas.corners, (self.width, self.height))
        """Homography (3, 3) from take coordinates to the view."""
        self.size = (self.width + 2 * self.margin, self.height + 2 * self.margin)

    def outline(self, composite: np.ndarray) -> Outline:
        """The outline in a picture in take coordinates, RGB uint8 (h, w, 3)."""
        seen = cv2.cvtColor(warp(composite, self.matrix, self.size), cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(seen, (0, 0), 0.8).astype(np.float32)
        offsets = np.arange(-BAND_PX - REACH_PX, BAND_PX + REACH_PX + 1)
        profiles = []
        for base, normal in self._sides():
            points = base[:, None] + offsets[None, :, None] * normal
            ahead, behind = (
                cv2.remap(
                    smooth,
                    (points[..., 0] + step * normal[0]).astype(np.float32),
                    (points[..., 1] + step * normal[1]).astype(np.float32),
                    cv2.INTER_LINEAR,
                )
                for step in (0.5, -0.5)
            )
            profiles.append(np.abs(ahead - behind))
        return Outline(np.stack(profiles))

    def push(self, known: Outline, seen: Outline) -> Push:
        """How the canvas lies in `seen` against `known`."""
        alike = np.stack([_along(a, b) for a, b in zip(known.profiles, seen.profiles, strict=True)])
        turns = np.radians(np.arange(-MAX_TURN_DEG, MAX_TURN_DEG + 1e-6, TURN_STEP_DEG))
        shifts = np.arange(-REACH_PX, REACH_PX + 1)
        best = (-np.inf, 0.0, 0.0, 0.0)
        for turn in turns:
            across = [self._turned(alike[i], i, turn) for i in range(4)]
            # Opposite sides move together: left and right say where it is in x, the others in y.
            x, y = across[3] + across[1][::-1], across[0] + across[2][::-1]
            score = float(x.max() + y.max())
            if score > best[0]:
                best = (
                    score,
                    float(turn),
                    shifts[int(x.argmax())] + _peak(x),
                    shifts[int(y.argmax())] + _peak(y),
                )
        return Push((best[2], best[3]), best[1], best[0] / 4, self.likeness(known, seen))

    def likeness(self, known: Outline, seen: Outline) -> float:
        """How alike two outlines are where they lie, at most 1."""
        in_place = seen.profiles[..., REACH_PX:-REACH_PX]
        sides = zip(known.profiles, in_place, strict=True)
        return float(np.mean([_along(a, b).mean() for a, b in sides]))

    def back(self, push: Push) -> np.ndarray:
        """The homography (3, 3) in take coordinates that undoes a push."""
        cosine, sine = np.cos(push.turn_rad), np.sin(push.turn_rad)
        middle = np.array([(self.size[0] - 1) / 2, (self.size[1] - 1) / 2])
        turn = np.array([[cosine, -sine], [sine, cosine]])
        moved = np.eye(3)
        moved[:2, :2] = turn
        moved[:2, 2] = middle + push.shift_px - turn @ middle
        return np.linalg.inv(self.matrix) @ np.linalg.inv(moved) @ self.matrix

    def across(
        self, known: Outline, seen: Outline, reach_px: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How far points of the sides moved across them.

        Returns:
            Points (n, 2) in the view, unit vectors (n, 2) inwards, and distances in pixels (n,), of
            points that show an edge like the known one up to `reach_px` away.
        """
        places, ways, distances = [], [], []
        for i, (base, inwards) in enumerate(self._sides()):
            alike = _along(known.profiles[i], seen.profiles[i])
            near = alike[:, REACH_PX - reach_px : REACH_PX + reach_px + 1]
            good = near.max(axis=1) > LEAST_ALIKE
            moved = near.argmax(axis=1) + np.array([_peak(row) for row in near]) - reach_px
            places.append(base[good])
            ways.append(np.tile(inwards, (int(good.sum()), 1)))
            distances.append(moved[good])
        return np.vstack(places), np.vstack(ways), np.concatenate(distances)

    def _corners(self) -> np.ndarray:
        flat = np.array(
            [[0, 0], [self.width, 0], [self.width, self.height], [0, self.height]], np.float64
        )
        return flat + self.margin - 0.5

    def _sides(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Points (SAMPLES, 2) along top, right, bottom, left and the unit vector inwards."""
        corners = self._corners()
        along = np.linspace(0.06, 0.94, SAMPLES)[:, None]
        inwards = np.array([[0, 1], [-1, 0], [0, -1], [1, 0]], np.float64)
        return [
            (corners[i] + along * (corners[(i + 1) % 4] - corners[i]), inwards[i]) for i in range(4)
        ]

    def _turned(self, alike: np.ndarray, side: int, turn_rad: float) -> np.ndarray:
        """Mean likeness (shifts,) of a side moved inwards by every shift and turned.

        Args:
            alike: float (SAMPLES, shifts), likeness of every point of the side.
        """
        length = self.width if side in (0, 2) else self.height
        # Seen from inside, with the side's start to the left, a turn is the same for all sides.
        lever = np.linspace(-0.44, 0.44, SAMPLES) * length * np.sin(turn_rad)
        rows = np.arange(SAMPLES)[:, None]
        places = np.arange(alike.shape[1])[None] + np.round(lever).astype(int)[:, None]
        inside = (places >= 0) & (places < alike.shape[1])
        return np.where(inside, alike[rows, places.clip(0, alike.shape[1] - 1)], 0).mean(axis=0)


def _along(known: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Normalised correlation of every point's profile, shifted: (SAMPLES, shifts), as many as fit
    into what is seen."""
    width = 2 * BAND_PX + 1
    template = known[:, REACH_PX : REACH_PX + width]
    windows = np.lib.stride_tricks.sliding_window_view(seen, width, axis=1)
    product = np.einsum("sw,snw->sn", template, windows)
    energy = (template**2).sum(axis=1)[:, None] * (windows**2).sum(axis=2)
    return product / np.sqrt(np.maximum(energy, LEAST_ENERGY**2))


def _peak(values: np.ndarray) -> float:
    """Where the top of a row of values lies beside its largest one, -0.5 to 0.5."""
    i = int(values.argmax())
    if not 0 < i < len(values) - 1:
        return 0.0
    left, middle, right = values[i - 1 : i + 2]
    bend = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < -1e-9 else 0.0
