"""Composites of a take: what stands still in a few frames, without most of the hands."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.video.imaging.fill import filled
from ingest.video.imaging.geometry import rectified, valid_area
from ingest.video.imaging.median import middle_look
from ingest.video.registration.observation import Look

COMPOSITES, COMPOSITE_FRAMES = 10, 5
"""How many composites tell a take through time, of how many frames each."""


def composites_of(look: Look, used: list[int], size: tuple[int, int]) -> list[np.ndarray]:
    """Composites through the main view, RGB uint8 (h, w, 3) each, from its frames as they are
    registered now; each is of as many frames.

    What frames do not show is filled in from those before, or else from those after.

    Args:
        used: positions among the frames looked at of the main view's frames.
        size: (width, height) of the take.
    """
    found: list[np.ndarray] = []
    seen_by_now: list[np.ndarray] = []
    for group in np.array_split(np.array(used), min(COMPOSITES, len(used) // COMPOSITE_FRAMES)):
        places = np.linspace(0, len(group) - 1, COMPOSITE_FRAMES).round().astype(int)
        known = seen_by_now[-1].copy() if seen_by_now else np.zeros(size[::-1], bool)
        for i in group[places]:
            known |= valid_area(look.frame_shape, look.take_from_frame(int(i)), size)
        found.append(composite(look, group[places], size, found[-1] if found else None))
        seen_by_now.append(known)
    # The end of a nearer view is no edge of anything.
    for k in range(len(found) - 2, -1, -1):
        found[k] = filled(found[k], seen_by_now[k], found[k + 1])
    return found


def opening_of(look: Look, used: list[int], size: tuple[int, int]) -> np.ndarray:
    """What the very first frames of the main view show, RGB uint8 (h, w, 3)."""
    return composite(look, used[:COMPOSITE_FRAMES], size, None)


def composite(
    look: Look, frames: Sequence[int] | np.ndarray, size: tuple[int, int], base: np.ndarray | None
) -> np.ndarray:
    """The middle look RGB uint8 (h, w, 3) of some frames in take coordinates; `base`, or else the
    frames before, fill in what a frame does not show."""
    looks: list[np.ndarray] = []
    for i in frames:
        image, matrix = look.spool.image(int(i)), look.take_from_spooled(int(i))
        seen = rectified(image, matrix, size)
        outside = ~valid_area(image.shape, matrix, size)
        filling = base if base is not None else (looks[-1] if looks else None)
        if filling is not None:
            cv2.copyTo(filling, outside.view(np.uint8), seen)
        looks.append(seen)
    return middle_look(looks)
