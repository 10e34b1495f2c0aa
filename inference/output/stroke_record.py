"""The strokes of a painting as JSON: written beside its session, and read again to film it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np

from inference.strokes.brushwork import Area, Pass
from inference.strokes.rasteriser import Blending
from inference.strokes.strokes import Strokes
from inference.strokes.textures import TEXTURE_KINDS
from ingest.conventions.errors import UserError

STROKES = "strokes.json"
"""Name of the file in a painting's folder."""


def strokes_json(steps: Sequence[Sequence[Pass]], canvas_size_px: tuple[int, int]) -> bytes:
    """All strokes of a painting: for each step its passes, for each pass the columns of `Strokes`.

    Paint goes only where a pass's area is, so strokes may be longer than what they left. Areas are
    stored once each: where their window starts, and a grey PNG of their weights.

    Args:
        steps: the passes of each step, in order.
        canvas_size_px: width and height.
    """
    areas: dict[int, Area] = {id(laid.area): laid.area for step in steps for laid in step}
    numbers = {key: number for number, key in enumerate(areas)}
    record = {
        "canvas_size_px": list(canvas_size_px),
        "areas": [_area_record(area) for area in areas.values()],
        "steps": [[_pass_record(laid, numbers[id(laid.area)]) for laid in step] for step in steps],
    }
    return json.dumps(record, separators=(",", ":")).encode()


def strokes_of(
    data: bytes, num_steps: int, canvas_size_px: tuple[int, int], where: Path | str
) -> list[list[Pass]]:
    """The passes of each step from the bytes of `strokes_json`, rounded as it wrote them.

    Args:
        num_steps, canvas_size_px: of the session that they belong to.
        where: the file, for error messages.

    Raises:
        UserError: the bytes are no such JSON, or that of another session.
    """
    try:
        record = json.loads(data)
        areas = [_area(canvas_size_px, **item) for item in record["areas"]]
        found = (len(record["steps"]), *record["canvas_size_px"])
        if found != (num_steps, *canvas_size_px):
            raise ValueError(
                f"{found[0]} steps on {found[1:]} px, the session has {num_steps} on "
                f"{canvas_size_px} px"
            )
        return [[_pass(laid, areas) for laid in step] for step in record["steps"]]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise UserError(
            f"{where} is damaged or of another version ({reason}): paint again, or use --film "
            "steps, which needs no strokes"
        ) from error


def _area_record(area: Area) -> dict[str, Any]:
    rows, columns = area.box
    _, png = cv2.imencode(".png", area.weight)
    text = base64.b64encode(png.tobytes()).decode()
    return {"top": int(rows.start), "left": int(columns.start), "png": text}


def _area(size_px: tuple[int, int], top: int, left: int, png: str) -> Area:
    data = np.frombuffer(base64.b64decode(png, validate=True), np.uint8)
    weight = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if weight is None:
        raise ValueError("an area is no PNG")
    bottom, right = top + weight.shape[0], left + weight.shape[1]
    if min(top, left) < 0 or right > size_px[0] or bottom > size_px[1]:
        raise ValueError(f"an area leaves the canvas of {size_px[0]} x {size_px[1]} px")
    return Area((slice(top, bottom), slice(left, right)), weight)


def _pass_record(laid: Pass, area: int) -> dict[str, Any]:
    return {
        "texture_kind": laid.texture, "blending": laid.blending, "area": area,
        **laid.strokes.to_json(),
    }  # fmt: skip


def _pass(record: dict[str, Any], areas: Sequence[Area]) -> Pass:
    texture, blending = record["texture_kind"], record["blending"]
    if texture not in TEXTURE_KINDS or blending not in get_args(Blending):
        raise ValueError(f"no paint is known as {texture!r}, {blending!r}")
    return Pass(Strokes.from_json(record), areas[record["area"]], texture, blending)
