"""Brings stretches of frames that nothing firm holds onto what the frames beside them show.

Where the table could not be told (a rag lies on it, or the tracking went along with a canvas that
was pushed), frames are registered to one another only, and lie pixels off all together.
"""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.outline import OutlineView
from ingest.video.placement.displacement import in_view, picture_of
from ingest.video.placement.displacement_estimation import exact_drift
from ingest.video.registration.observation import Look

STRETCH, LEAST_HELD, PLAINLY = 12, 0.3, 0.5
"""Frames in a stretch; the share of them that must be held for all of it to be; and the share of
what most firm frames show of the table that a frame must show to be held."""


def undrift(look: Look, used: list[int], firm: dict[int, float], canvas: Canvas) -> set[int]:
    """Register stretches that are not held to the canvas as their neighbours show it, one after
    another outwards from those that are.

    Args:
        used: positions of the frames of the main view, rising.
        firm: those of them that are registered to what lasts, and which share of it each shows.
        canvas: about where it is.

    Returns:
        The frames of these stretches.
    """
    parts = np.array_split(np.array(used), max(1, len(used) // STRETCH))
    is_held = _held(parts, firm)
    if canvas.kind != "quad" or not is_held.any():
        return set()
    held, view, found = np.flatnonzero(is_held), OutlineView(canvas), set[int]()
    for k in sorted(np.flatnonzero(~is_held), key=lambda k: int(np.abs(held - k).min())):
        towards = 1 if held[np.abs(held - k).argmin()] > k else -1
        known, seen = (
            picture_of(look, [int(i) for i in frames if in_view(look, i, canvas)])
            for frames in (parts[k + towards][::towards], parts[k][::-towards])
        )
        back = None if known is None or seen is None else exact_drift(known, seen, view)
        if back is None:
            continue
        for i in parts[k].tolist():
            look.lay(i, back @ look.looked[i].pose.matrix)
            found.add(i)
    return found


def _held(parts: list[np.ndarray], firm: dict[int, float]) -> np.ndarray:
    """bool (stretches,)."""
    least = PLAINLY * float(np.median(list(firm.values()))) if firm else np.inf
    shares = [np.mean([firm.get(int(i), 0.0) >= least for i in part]) for part in parts]
    return np.array(shares) >= LEAST_HELD
