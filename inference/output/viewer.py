"""Writes a session as one HTML page that plays it, without other files or network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image
from pydantic import Field

from inference.output.frames import canvases, clock, fitted
from inference.output.session import Session
from ingest.conventions.atomic import write_bytes
from ingest.conventions.config import Config

STOP_WORDS = {
    "arrived": "the canvas had come close enough to the picture",
    "unchanged": "two steps in a row had changed nothing",
    "max_steps": "the limit of steps was reached",
}
"""Text of the page for each stop reason."""
MASK_COLOUR = (214, 64, 69)
"""RGB of region overlays."""
THUMBNAIL_SIDE_PX = 168
"""Long side of thumbnails."""
SMALLEST_SIDE_PX = 320
"""Long side below which canvases are not scaled down to save bytes."""


class ViewerConfig(Config):
    """The images inside the page."""

    image_side_px: int = Field(default=1100, ge=64, le=4096)
    """Largest long side of a canvas; smaller if the page would exceed page_mb."""
    quality: int = Field(default=84, ge=1, le=100)
    """WebP quality of the canvases."""
    mask_side_px: int = Field(default=520, ge=64, le=2048)
    """Long side of the region overlays."""
    page_mb: float = Field(default=8.0, gt=0)
    """Largest size of the page; canvases are scaled down for it, but not below 320 px."""


def write_viewer(
    path: Path,
    session: Session,
    config: ViewerConfig,
    film_ends_s: Sequence[float] | None = None,
) -> None:
    """Render ``index.html``.

    Args:
        film_ends_s: seconds in ``painting.mp4`` beside the page at which each step ends, if it is a
            film of strokes; the page then plays it instead of slides.
    """
    environment = Environment(
        loader=PackageLoader("inference.output", "."), autoescape=True, undefined=StrictUndefined
    )
    record = session.record
    page = environment.get_template("viewer.html.j2").render(
        title=Path(record.picture_uri).stem.replace("_", " ").strip() or "Untitled",
        record=record,
        total=clock(record.steps[-1].time_s),
        stop_words=STOP_WORDS[record.stop],
        is_finished_exactly=record.steps[-1].is_finish and record.steps[-1].distance == 0.0,
        has_film=film_ends_s is not None,
        data={**_data(session, config), "film": film_ends_s},
    )
    write_bytes(path, page.encode())


def _data(session: Session, config: ViewerConfig) -> dict[str, Any]:
    """Data for the page's script: images as data URIs, instructions, times."""
    frames = canvases(session.samples)
    target = session.samples[-1].target
    thumbnails = [_webp(frame, THUMBNAIL_SIDE_PX, 70) for frame in frames]
    masks = ["", *(_overlay(sample.mask, config.mask_side_px) for sample in session.samples)]
    budget = int(config.page_mb * 1e6 * 0.97) - sum(map(len, thumbnails)) - sum(map(len, masks))
    images = _within(budget, [*frames, target], config)
    width, height = session.record.canvas_size_px
    first = {"word": "", "clock": "0:00", "area": 0.0, "confidence": None, "finish": False}
    steps = [first] + [
        {
            "word": step.instruction,
            "clock": clock(step.time_s),
            "area": round(step.mask_area, 4),
            "confidence": step.confidence,
            "finish": step.is_finish,
        }
        for step in session.record.steps
    ]
    for step, image, thumbnail, mask in zip(steps, images, thumbnails, masks, strict=False):
        step.update(image=image, thumbnail=thumbnail, mask=mask)
    return {"steps": steps, "target": images[-1], "width": width, "height": height}


def _within(budget: int, images: Sequence[np.ndarray], config: ViewerConfig) -> list[str]:
    """Data URIs of all images at the largest size at which they have at most `budget`
    characters."""
    side_px = config.image_side_px
    while True:
        uris = [_webp(image, side_px, config.quality) for image in images]
        total = sum(map(len, uris))
        if total <= budget or side_px <= SMALLEST_SIDE_PX:
            return uris
        # Bytes grow slower than the area, so one or two rounds are enough.
        share = max(budget, 1) / total
        side_px = max(SMALLEST_SIDE_PX, int(side_px * max(0.5, share**0.5) * 0.97))


def _webp(image: np.ndarray, side_px: int, quality: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(fitted(image, side_px)).save(buffer, format="WEBP", quality=quality, method=4)
    return _uri(buffer.getvalue(), "image/webp")


def _overlay(mask: np.ndarray, side_px: int) -> str:
    """Data URI of the region as a tinted, outlined PNG with transparency."""
    small = fitted(mask.astype(np.uint8) * 255, side_px) > 127
    inner = cv2.erode(small.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    indices = small.astype(np.uint8) + (small & ~inner)
    image = Image.fromarray(indices, "P")
    image.putpalette([255, 255, 255, *MASK_COLOUR, *MASK_COLOUR])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", transparency=bytes([0, 96, 255]), optimize=True)
    return _uri(buffer.getvalue(), "image/png")


def _uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
