"""The config of a synthetic painting video."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.conventions.config import Config
from ingest.studio.camera.profiles import ProfileName

SubjectOption = Literal["landscape", "portrait", "still_life", "any"]


class StudioConfig(Config):
    """How one painting is painted and filmed."""

    profile: ProfileName = "tripod"
    """How the camera is held and what disturbs the film; `ingest/studio/camera/profiles.py` has the
    numbers of each."""
    subject: SubjectOption | None = None
    """What is painted; any: drawn by the seed. None: any under the profile hard, else landscape."""
    side_px: int = Field(default=512, ge=64, le=4096)
    """Short side of the painted canvas in pixels; the frame is larger, see `frame_margin`."""
    aspect: float | None = Field(default=None, ge=0.3, le=3.5)
    """Width of the canvas divided by its height. None: drawn by the seed under the profile hard,
    else 1.25."""
    fps: int = Field(default=12, ge=1, le=60)
    """Frames a second of the film; time-lapse of 12 keeps files small."""
    seconds: float = Field(default=40.0, ge=4.0, le=3600.0)
    """Length of the whole film in seconds, cards included."""
    frame_margin: float = Field(default=1.36, ge=1.1, le=3.0)
    """Frame size over canvas size: how much table is seen around the canvas."""
    grid_s: float = Field(default=1.0, gt=0)
    """Seconds between the canvas states of the truth's regular grid; under the profile hard at
    most a 120th of `seconds`, so that a state lies within one sampling period of ingest."""
    speed: float = Field(default=1.0, gt=0)
    """Real seconds a video second stands for; a manifest column where it is not 1. Truth times stay
    seconds of the video."""
    crf: int = Field(default=20, ge=0, le=51)
    """Constant rate factor of x264: 0 lossless, 20 as videos on the net look."""
