"""The painting as it stands while it is planned: what the painter sees."""

from __future__ import annotations

import numpy as np

from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.canvas import PaintedCanvas
from ingest.studio.strokes.stroke import Colour

STUDY_PX = 96
"""Short side of the small copy that the painter looks at to see what is there already."""


class Study:
    """The painting as it stands, seen at one fixed size, so that plans depend on no output size."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.size = np.array([scene.width, scene.height])
        self.canvas = PaintedCanvas(
            round(STUDY_PX * scene.width), round(STUDY_PX * scene.height), scene.ground_colour, seed
        )

    def seen(self, x: float, y: float) -> Colour:
        """Colour at (x, y) in units, RGB float32."""
        return self.seen_in(self.canvas.colour, x, y)

    def seen_in(self, picture: np.ndarray, x: float, y: float) -> Colour:
        """Colour at (x, y) of an earlier state of the study, RGB float32 (H, W, 3)."""
        row = int(np.clip(y * STUDY_PX, 0, picture.shape[0] - 1))
        column = int(np.clip(x * STUDY_PX, 0, picture.shape[1] - 1))
        return picture[row, column].copy()
