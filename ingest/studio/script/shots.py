"""Divides a film's length into its shots: intro, painting, beauty shot, end card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Shot = Literal[
    "title", "flash", "painting", "zoom", "palette", "other", "fade", "beauty", "end_card"
]
"""docs/studio.md says what each shows."""


@dataclass(frozen=True)
class ShotSchedule:
    """When each shot of a film begins, in seconds of the film."""

    intro: Shot
    intro_s: float
    first_touch_s: float
    """Start of the first stroke."""
    last_lift_s: float
    """End of the last stroke."""
    beauty_s: float
    end_card_s: float
    end_s: float

    def shot(self, time_s: float) -> Shot:
        """The shot that the frame at `time_s` belongs to."""
        if time_s < self.intro_s:
            return self.intro
        if time_s < self.beauty_s:
            return "painting"
        return "beauty" if time_s < self.end_card_s else "end_card"


def make_shot_schedule(rng: np.random.Generator, seconds: float) -> ShotSchedule:
    """Divide `seconds`: intro about 4 %, beauty shot and end card about 9 %, painting the rest."""
    intro_s = min(0.04 * seconds + 0.3, 2.5) * rng.uniform(0.8, 1.2)
    rest_s = min(0.03 * seconds, 1.0)
    card_s = min(0.04 * seconds + 0.2, 2.0)
    beauty_s = min(0.05 * seconds + 0.3, 3.0)
    intro: Shot = "title" if rng.random() < 0.5 else "flash"
    end_card = seconds - card_s
    beauty = end_card - beauty_s
    return ShotSchedule(
        intro, intro_s, intro_s + rest_s + 0.3, beauty - rest_s, beauty, end_card, seconds
    )
