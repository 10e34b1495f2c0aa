"""Draws a contact sheet of a session: every canvas with its instruction and its time."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inference.output.captions import BACKGROUND_COLOUR, TEXT_COLOUR, TIME_COLOUR
from inference.output.frames import canvases, clock
from ingest.conventions.atomic import write_bytes
from ingest.format.schema import Sample

TILE_AREA_PX = 240 * 200
"""Area of a tile in square px."""
MARGIN_PX = 36
"""Width of the border of the sheet."""
GAP_PX = 20
"""Distance between tiles, and between a caption and the next tile."""
CAPTION_PX = 40
"""Height of the caption under a tile."""
MAX_CAPTION_CHARACTERS = 22
"""Length above which an instruction is cut."""


def write_contact_sheet(path: Path, samples: Sequence[Sample], has_captions: bool = True) -> None:
    """``sheet.png``: tiles of equal size, white canvas first, about as wide as a screen.

    Args:
        has_captions: write word and time below each tile.
    """
    tiles = canvases(samples)
    captions = ["", *(sample.instruction for sample in samples)]
    times = [0.0, *(sample.provenance.next.time_s for sample in samples)]
    caption_px = CAPTION_PX if has_captions else 0
    height, width = tiles[0].shape[:2]
    scale = math.sqrt(TILE_AREA_PX / (height * width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    num_columns = min(len(tiles), max(2, round(1600 / (size[0] + GAP_PX))))
    num_rows = math.ceil(len(tiles) / num_columns)
    sheet = Image.new(
        "RGB", _sheet_size((size[0], size[1] + caption_px), num_columns, num_rows),
        BACKGROUND_COLOUR,
    )  # fmt: skip
    for index, tile in enumerate(tiles):
        row, column = divmod(index, num_columns)
        left = MARGIN_PX + column * (size[0] + GAP_PX)
        top = MARGIN_PX + row * (size[1] + caption_px + GAP_PX)
        _draw_tile(sheet, (left, top), tile, size)
        if has_captions:
            _draw_caption(sheet, (left, top), size, captions[index], clock(times[index]))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())


def _sheet_size(tile: tuple[int, int], num_columns: int, num_rows: int) -> tuple[int, int]:
    return (
        2 * MARGIN_PX + num_columns * (tile[0] + GAP_PX) - GAP_PX,
        2 * MARGIN_PX + num_rows * (tile[1] + GAP_PX) - GAP_PX,
    )


def _draw_tile(
    sheet: Image.Image, corner: tuple[int, int], canvas: np.ndarray, size: tuple[int, int]
) -> None:
    method = cv2.INTER_AREA if size[0] < canvas.shape[1] else cv2.INTER_CUBIC
    sheet.paste(Image.fromarray(cv2.resize(canvas, size, interpolation=method)), corner)
    left, top = corner
    # A white canvas would have no visible edge without this line.
    edge = (left - 1, top - 1, left + size[0], top + size[1])
    ImageDraw.Draw(sheet).rectangle(edge, outline=(222, 217, 208))


def _draw_caption(
    sheet: Image.Image, corner: tuple[int, int], size: tuple[int, int], caption: str, time: str
) -> None:
    left, bottom = corner[0], corner[1] + size[1]
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=17)
    clipped = (
        caption
        if len(caption) <= MAX_CAPTION_CHARACTERS
        else caption[:20] + "\N{HORIZONTAL ELLIPSIS}"
    )
    draw.text((left, bottom + 9), clipped, font=font, fill=TEXT_COLOUR)
    draw.text((left + size[0], bottom + 9), time, font=font, fill=TIME_COLOUR, anchor="ra")
