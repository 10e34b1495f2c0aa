"""A small copy of the painting, rendered while it is planned, to look up colours in."""

from __future__ import annotations

import numpy as np

from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.canvas import PaintedCanvas
from ingest.studio.strokes.stroke import Colour

PREVIEW_PX = 96
"""Short side of the preview in pixels. It is fixed, so plans do not depend on the output size."""


class Preview:
    """The unfinished painting at a small fixed size."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.size = np.array([scene.width, scene.height])
        self.canvas = PaintedCanvas(
            round(PREVIEW_PX * scene.width),
            round(PREVIEW_PX * scene.height),
            scene.ground_colour,
            seed,
        )

    def colour_at(self, x: float, y: float) -> Colour:
        """Current colour at (x, y) in units, RGB float32 (3,)."""
        return self.colour_in(self.canvas.colour, x, y)

    def colour_in(self, picture: np.ndarray, x: float, y: float) -> Colour:
        """Colour at (x, y) in units of an earlier state of the preview, RGB float32 (3,)."""
        row = int(np.clip(y * PREVIEW_PX, 0, picture.shape[0] - 1))
        column = int(np.clip(x * PREVIEW_PX, 0, picture.shape[1] - 1))
        return picture[row, column].copy()
