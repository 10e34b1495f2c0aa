"""Draws the word and the time of a step on a strip below a canvas."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inference.output.frames import clock
from ingest.format.schema import Sample

Captions = Literal["sheet", "on", "off"]
"""Where word and time of each step are written: on the contact sheet only; below film and GIF too;
nowhere."""
BACKGROUND_COLOUR = (246, 244, 239)
"""RGB of strips and contact sheets."""
TEXT_COLOUR = (38, 36, 33)
"""RGB of instructions."""
TIME_COLOUR = (140, 134, 124)
"""RGB of times."""
STRIP_SHARE = 0.06
"""Height of a strip in widths of its canvas."""
LEAST_STRIP_PX = 16
"""Smallest height of a strip."""


def captioned(canvas: np.ndarray, strip: np.ndarray | None) -> np.ndarray:
    """The canvas, uint8 (H, W, 3), with a strip below it; None leaves it as it is."""
    return canvas if strip is None else np.concatenate([canvas, strip])


def strip_of(sample: Sample | None, width_px: int) -> np.ndarray:
    """The strip of a step, RGB uint8 (h, width_px, 3), h even; None for that of the first
    canvas."""
    height = max(LEAST_STRIP_PX, 2 * round(STRIP_SHARE * width_px / 2))
    image = Image.new("RGB", (width_px, height), BACKGROUND_COLOUR)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=0.5 * height)
    margin, middle = height // 2, height / 2
    time = clock(0.0 if sample is None else sample.provenance.next.time_s)
    word = "" if sample is None else sample.instruction
    room = width_px - 3 * margin - draw.textlength(time, font=font)
    draw.text((margin, middle), clipped(word, room, font), font=font, fill=TEXT_COLOUR, anchor="lm")
    draw.text((width_px - margin, middle), time, font=font, fill=TIME_COLOUR, anchor="rm")
    return np.asarray(image)


def clipped(text: str, room_px: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, or its beginning and an ellipsis if it is wider than `room_px`."""
    if font.getlength(text) <= room_px:
        return text
    while text and font.getlength(f"{text}\N{HORIZONTAL ELLIPSIS}") > room_px:
        text = text[:-1].rstrip()
    return f"{text}\N{HORIZONTAL ELLIPSIS}" if text else ""
