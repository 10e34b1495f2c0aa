"""What the settings of a painting ask to steer: actions, and the first canvas."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from inference.command.painting_context import paints_in_order
from inference.inputs.picture import load_picture
from inference.official.resizing import LOCK_REFUSAL
from inference.output.session import SessionFolder, read_session
from inference.rollout.script import read_script
from inference.rollout.steering import Action, Lock, Mask, Steer
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError


def steering_actions(config: InferenceConfig) -> list[Action]:
    """The actions of `rollout.script`, and what `rollout.say`, `lock` and `mask` mean, in order;
    masks have their pixels in them.

    Raises:
        UserError: a file cannot be read or is no script, or what is asked for cannot be kept.
    """
    rollout = config.rollout
    # In an order `say` is part of the plan, and the first step may be the drawing.
    is_order = paints_in_order(config.painter)
    first = int(is_order and draws_first(config))
    actions: list[Action] = []
    if rollout.lock:
        actions.append(Lock(at=0, mask=Mask(file=rollout.lock).loaded()))
    if rollout.mask:
        actions.append(Steer(at=first, mask=Mask(file=rollout.mask).loaded()))
    if not is_order:
        actions += [Steer(at=n, instruction=word) for n, word in enumerate(rollout.say)]
    if rollout.script:
        actions += read_script(Path(rollout.script))
    if config.quirks == "official" and any(isinstance(action, Lock) for action in actions):
        raise UserError(LOCK_REFUSAL)
    return sorted(actions, key=lambda action: action.at)


def draws_first(config: InferenceConfig) -> bool:
    """Whether the first step of an order draws with a pencil."""
    is_drawn = config.painter != "fade-in" and config.strokes.underdrawing
    return is_drawn and not config.rollout.canvas


def was_steered_alike(folder: Path, config: InferenceConfig) -> bool:
    """Whether a finished painting's folder was steered by the same actions and began with the same
    canvas as the settings ask for now; files that they name may have changed since."""
    place = SessionFolder(folder)
    recorded, wanted = read_script(place.root / "steering.json"), steering_actions(config)
    if len(recorded) != len(wanted) or not all(map(_is_same, recorded, wanted)):
        return False
    if not config.rollout.canvas:
        return True
    first = read_session(folder).samples[0]
    canvas = first_canvas(config, first.target)
    return canvas is not None and np.array_equal(first.current, canvas)


def first_canvas(config: InferenceConfig, target: np.ndarray) -> np.ndarray | None:
    """The canvas that the config names, at the target's size; None for white."""
    if not config.rollout.canvas:
        return None
    image = load_picture(Path(config.rollout.canvas), config.picture).image
    height, width = target.shape[:2]
    if image.shape == target.shape:
        return image
    shrinks = image.shape[0] > height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method)


def _is_same(recorded: Action, wanted: Action) -> bool:
    """Whether two actions do the same; the masks of the recorded one have the canvas' size."""
    masks = {"mask": None, "add_mask": None}
    if recorded.model_copy(update=masks) != wanted.model_copy(update=masks):
        return False
    for name in masks:
        before, now = getattr(recorded, name, None), getattr(wanted, name, None)
        if (before is None) != (now is None):
            return False
        if before is not None and now is not None:
            pixels = before.pixels()
            if not np.array_equal(pixels, now.pixels(pixels.shape)):
                return False
    return True
