"""Settings of painting with strokes."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from inference.strokes.medium import MediumName
from ingest.conventions.config import Config

OrderName = Literal["learned", "prototype", "coarse-to-fine", "random-regions", "fade-in"]
"""Artists that paint in an order. learned: regions by the time and the word that the order network
predicts (`weights/order`). The others are made by hand. prototype: regions from the background to
the subject. coarse-to-fine: the whole picture with ever smaller brushes. random-regions: the
prototype's regions in an order drawn by the seed. fade-in: the picture appears everywhere at once,
without strokes."""


class StrokesConfig(Config):
    """How pictures are painted with strokes."""

    medium: MediumName = "oil"
    """oil, acrylic, watercolour, pencil or digital."""
    underdrawing: bool = True
    """Draw the large forms with a pencil before anything is painted."""
    ground: str = "#faf7f0"
    """Colour of the blank canvas, as #rrggbb."""
    habit: Literal["auto", "learned", "block-in first", "thing by thing"] = "auto"
    """When things are finished. learned: when the order network says. block-in first: nothing is
    modelled before the whole picture is blocked in. thing by thing: each is modelled before the
    next is begun. auto: the seed decides."""
    num_steps: int = Field(default=30, ge=4, le=500)
    """Steps of a painting at an interval of 20 s; at 10 s there are twice as many."""

    @field_validator("ground")
    @classmethod
    def _is_colour(cls, value: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise ValueError(f"ground {value!r} is no colour: give it as #rrggbb, such as #faf7f0")
        return value.lower()

    def ground_rgb(self) -> np.ndarray:
        """The ground as RGB uint8 (3,)."""
        return np.array([int(self.ground[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
