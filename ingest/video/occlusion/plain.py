"""Which unsure places matter: those that plainly show something else when they are seen again.

Where footage is set up anew often, light jumps from view to view, and what was hidden across a jump
comes back in other colours though nothing was painted there.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.colour_distance import FULL_LAB, lab_distance, soft_lab
from ingest.video.occlusion.occlusion import History


def plainly_unsure(history: History) -> np.ndarray:
    """bool (b, h, w): unsure, and plainly another colour when it is seen the next time."""
    result, following = np.zeros_like(history.unsure), soft_lab(history.states[-1])
    for b in reversed(range(history.num_bins)):
        shown, unsure = soft_lab(history.states[b]), history.unsure[b]
        following = np.where(unsure[..., None], following, shown)
        result[b] = unsure & (lab_distance(following, shown) > FULL_LAB)
    return result
