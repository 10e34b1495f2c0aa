"""Profiles of camera motion and light: sets of numbers, by name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.conventions.config import Config

ProfileName = Literal["tripod", "handheld", "hard"]


class Profile(Config):
    """Camera motion, light and noise of a film. Lengths are shares of the frame's short side."""

    tilt_deg: float = Field(ge=0, le=50)
    """Largest angle between the view and the canvas's normal."""
    roll_deg: float = Field(ge=0, le=45)
    """Largest rotation of the canvas in the frame."""
    shake: float = Field(ge=0, le=0.2)
    """Standard deviation of the fast movement of the camera."""
    wander: float = Field(ge=0, le=0.2)
    """Standard deviation of its slow movement."""
    shake_deg: float = Field(ge=0, le=10)
    """Standard deviation of its rotation."""
    breathe: float = Field(ge=0, le=0.2)
    """Standard deviation of its distance, as a change of scale."""
    brightness: float = Field(ge=0, le=0.5)
    """Largest drift of the light's strength, as a share."""
    white_balance: float = Field(ge=0, le=0.3)
    """Largest drift of red against blue, as a share."""
    noise: float = Field(ge=0, le=20)
    """Standard deviation of the sensor's noise in levels of 255."""
    eventful: bool = False
    """Whether the film is also cut, zoomed, captioned and disturbed, as `script.py` draws it."""


PROFILES: dict[ProfileName, Profile] = {
    "tripod": Profile(
        tilt_deg=16, roll_deg=4, shake=0.0004, wander=0.0006, shake_deg=0.015, breathe=0.0004,
        brightness=0.05, white_balance=0.025, noise=1.2,
    ),
    "handheld": Profile(
        tilt_deg=26, roll_deg=9, shake=0.0035, wander=0.014, shake_deg=0.5, breathe=0.008,
        brightness=0.09, white_balance=0.045, noise=2.2,
    ),
    "hard": Profile(
        tilt_deg=25, roll_deg=8, shake=0.0014, wander=0.006, shake_deg=0.22, breathe=0.004,
        brightness=0.08, white_balance=0.045, noise=2.2, eventful=True,
    ),
}  # fmt: skip
"""A new profile is a new entry here and in `ProfileName`."""
