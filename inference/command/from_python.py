"""Paints pictures from Python as ``python -m inference paint`` does.

::

    painting = paint("lake.jpg")             # a path, a PIL image, or RGB uint8 (H, W, 3)
    for step in painting:
        print(step.instruction.text, step.region.area)
    painting.save("out/lake")                # film, GIF, contact sheet, page, frames, session
"""

from __future__ import annotations

from typing import Any

from inference.command.painting_context import (
    load_context,
    painter_record,
    paints_in_order,
)
from inference.command.painting_result import Painting
from inference.command.rollout_setup import resized_to_canvas, start_rollout
from inference.inputs.picture import as_picture
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError


def paint(picture: Any, config: InferenceConfig | None = None) -> Painting:
    """Start to paint a picture; returns an iterator of steps that can be steered and saved.

    Args:
        picture: a path, a PIL image, or RGB uint8 (H, W, 3); scaled as `config.picture` says.
        config: settings. Its `painter` paints: an order for strokes (`learned` by default; what
            `rollout.say` names comes first), a painter folder, or a hub name.

    Raises:
        UserError: no such painter, or no such picture.
    """
    config = config or InferenceConfig()
    refuse_scripts(config)
    context = load_context(config, painter_record(config)[0])
    return start_rollout(context, resized_to_canvas(as_picture(picture, config.picture), context))


def refuse_scripts(config: InferenceConfig) -> None:
    """Raises UserError for steering by settings: whoever takes the steps steers."""
    names = ["script", "mask", "lock"]
    if not paints_in_order(config.painter):
        names.append("say")
    asked = [name for name in names if getattr(config.rollout, name)]
    if asked:
        raise UserError(
            f"inference.rollout.{asked[0]} does nothing in Python: use steer and lock of the "
            "painting, or its replay(read_script(path)) (inference.rollout.script)"
        )
