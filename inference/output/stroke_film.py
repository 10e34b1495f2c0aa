"""The film in which strokes are laid one after the other, and the strokes as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import Field

from inference.output.film import encode_film, even_sides
from inference.output.frames import fitted
from inference.rollout.steps import Step
from inference.strokes.brushwork import Area, Pass
from ingest.conventions.atomic import write_bytes
from ingest.conventions.config import Config

STROKES_WEIGHT = 0.25
"""A step with n strokes takes a share of the film that grows as n to this power: many small strokes
are played faster than few large ones."""


class StrokeFilmConfig(Config):
    """The film of a painting in strokes."""

    film: Literal["strokes", "steps"] = "strokes"
    """strokes: they are laid one after the other; steps: each canvas fades into the next."""
    seconds: float = Field(default=30.0, gt=1, le=3600)
    """Length of the film of strokes, the finished picture at its end included."""
    fps: int = Field(default=30, ge=1, le=60)
    """Its frames per second."""
    side_px: int = Field(default=960, ge=64, le=4096)
    """Its largest long side."""


def write_stroke_film(
    path: Path, steps: Sequence[Step], config: StrokeFilmConfig, final_hold_s: float, quality: int
) -> None:
    """Write the film of steps that have strokes."""
    first = even_sides(fitted(steps[0].current, config.side_px))
    size = (first.shape[1], first.shape[0])
    frames = film_frames(steps, config, final_hold_s)
    # A frame a second can be decoded on its own, so that players may jump about.
    encode_film(path, frames, size, config.fps, quality, frames_between_keys=config.fps)


def film_frames(
    steps: Sequence[Step], config: StrokeFilmConfig, final_hold_s: float
) -> Iterator[np.ndarray]:
    """Frames of the film, RGB uint8: after each step the canvas is exactly that of the step.

    The strokes are drawn again at the film's size.
    """
    ends = step_ends(steps, config, final_hold_s)
    shown = even_sides(fitted(steps[0].current, config.side_px))
    for step, start, end in zip(steps, [0, *ends[:-1]], ends, strict=True):
        following = fitted(step.next, config.side_px)
        yield from _step_frames(step, following, end - start, config.side_px)
        shown = even_sides(following)
    yield from [shown] * max(1, round(final_hold_s * config.fps))


def step_ends(steps: Sequence[Step], config: StrokeFilmConfig, final_hold_s: float) -> list[int]:
    """The number of the frame after the last one of each step."""
    num_final = max(1, round(final_hold_s * config.fps))
    num_painted = max(len(steps), round(config.seconds * config.fps) - num_final)
    counts = np.array([1 + sum(len(laid.strokes) for laid in step.strokes) for step in steps])
    weights = counts**STROKES_WEIGHT
    return [int(end) for end in np.rint(np.cumsum(weights) / weights.sum() * num_painted)]


def _step_frames(
    step: Step, following: np.ndarray, num_frames: int, side_px: int
) -> Iterator[np.ndarray]:
    """The frames in which one step is painted; the last one shows `following`."""
    if num_frames <= 0:
        return
    canvas = fitted(step.current, side_px).copy()
    # Strokes that reveal the picture stand in the last coats, where the canvas becomes it.
    total = sum(len(laid.strokes) for laid in step.strokes)
    shown, laid_so_far = 0, 0
    for laid in step.strokes:
        for _ in scaled_pass(laid, step.current.shape, canvas.shape).draw(canvas, following):
            laid_so_far += 1
            while shown < num_frames - 1 and laid_so_far * num_frames >= (shown + 1) * total:
                shown += 1
                yield even_sides(canvas)
    yield from [even_sides(following)] * (num_frames - shown)


def scaled_pass(laid: Pass, from_shape: tuple[int, ...], to_shape: tuple[int, ...]) -> Pass:
    """A pass on a canvas of another size, (H, W, 3)."""
    if from_shape == to_shape:
        return laid
    height, width = to_shape[:2]
    whole = np.zeros(from_shape[:2], np.uint8)
    whole[laid.area.box] = laid.area.weight
    weight = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    area = Area((slice(0, height), slice(0, width)), weight)
    strokes = laid.strokes.scaled(width / from_shape[1])
    return replace(laid, strokes=strokes, area=area)


def write_strokes(path: Path, steps: Sequence[Step]) -> None:
    """Write all strokes as JSON: for each step its passes, for each pass the columns of `Strokes`.

    Paint goes only where the step's region is, so strokes may be longer than what they left.
    """
    height, width = steps[0].current.shape[:2]
    passes = [[_pass_record(laid) for laid in step.strokes] for step in steps]
    record = {"canvas_size_px": [width, height], "steps": passes}
    write_bytes(path, json.dumps(record, separators=(",", ":")).encode())


def _pass_record(laid: Pass) -> dict[str, Any]:
    return {"texture": laid.texture, "blending": laid.blending, **laid.strokes.to_json()}
