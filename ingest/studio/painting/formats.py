"""Subject, canvas size and frame size of a film, from its seed and config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.studio.camera.camera import frame_size
from ingest.studio.camera.profiles import PROFILES
from ingest.studio.settings import StudioConfig

Subject = Literal["landscape", "portrait", "still_life"]
DEFAULT_ASPECT = 1.25
"""Canvas width over height of films that are not eventful."""
_ASPECTS = (1.25, 1.5, 1.33, 1.0, 1.0, 0.8, 0.75, 0.67)
"""Canvas width over height that eventful films choose from."""
_VERTICAL_SHARE = 0.3
"""Share of eventful films in 9:16."""
_VERTICAL_MARGIN = 1.14
"""Frame width over canvas width of a 9:16 film."""


@dataclass(frozen=True)
class Format:
    """What is painted, and the sizes of canvas and frame: (width, height) in pixels."""

    subject: Subject
    canvas_px: tuple[int, int]
    frame_px: tuple[int, int]


def format_of(seed: int, config: StudioConfig) -> Format:
    """The format of a film; the seed decides what the config leaves open."""
    rng = np.random.default_rng([seed, 14])
    eventful = PROFILES[config.profile].eventful
    drawn, vertical = _subject(rng), bool(rng.random() < _VERTICAL_SHARE)
    aspect = config.aspect or (_aspect(rng, drawn) if eventful else DEFAULT_ASPECT)
    wanted = config.subject or ("any" if eventful else "landscape")
    subject = drawn if wanted == "any" else wanted
    side = config.side_px
    canvas_px = (round(side * aspect), side) if aspect >= 1 else (side, round(side / aspect))
    frame_px = frame_size(canvas_px, config.frame_margin)
    if eventful and vertical:
        frame_px = _vertical_frame(canvas_px)
    return Format(subject, canvas_px, frame_px)


def _subject(rng: np.random.Generator) -> Subject:
    subjects: tuple[Subject, ...] = ("landscape", "portrait", "still_life")
    return subjects[rng.choice(3, p=[0.5, 0.25, 0.25])]


def _aspect(rng: np.random.Generator, subject: Subject) -> float:
    """A random aspect; a portrait is never wider than square."""
    choice = _ASPECTS[3:] if subject == "portrait" else _ASPECTS
    return float(choice[rng.integers(len(choice))])


def _vertical_frame(canvas_px: tuple[int, int]) -> tuple[int, int]:
    """A 9:16 frame around the canvas, in multiples of 8 px."""
    width = max(canvas_px[0] * _VERTICAL_MARGIN, canvas_px[1] * _VERTICAL_MARGIN * 9 / 16)
    return int(np.ceil(width / 8) * 8), int(np.ceil(width * 16 / 9 / 8) * 8)
