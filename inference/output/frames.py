"""Lists the canvases of a session in order, and formats painting time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.format.schema import Sample


def canvases(samples: Sequence[Sample]) -> list[np.ndarray]:
    """The first canvas (white) and the canvas after every step, RGB uint8 (H, W, 3)."""
    return [samples[0].current, *(sample.next for sample in samples)]


def clock(seconds: float) -> str:
    """Painting time in minutes or hours: ``1:20``, ``1:00:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
