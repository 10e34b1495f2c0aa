"""The film in which strokes are laid one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from inference.output.captions import captioned, strip_of
from inference.output.export import ExportConfig, final_frames
from inference.output.film import encode_film, even_sides
from inference.output.frames import fitted
from inference.strokes.brushwork import Area, Pass
from ingest.conventions.config import Config
from ingest.format.schema import Sample

STROKES_WEIGHT = 0.25
"""A step with n strokes takes a share of the film that grows as n to this power: many small strokes
are played faster than few large ones."""
USUAL_SECONDS = 30.0
"""Length of a film of strokes, if none is asked for."""


class StrokeFilmConfig(Config):
    """Kind and length of the film, and the film of a painting in strokes."""

    film: Literal["strokes", "steps"] = "strokes"
    """strokes: they are laid one after the other; steps: each canvas fades into the next."""
    seconds: float | None = Field(default=None, gt=1, le=3600)
    """Length of film and GIF, the finished picture at the end included. null: 30 for a film of
    strokes; for canvases as inference.export says."""
    fps: int = Field(default=30, ge=1, le=60)
    """Frames per second of a film of strokes."""
    side_px: int = Field(default=960, ge=64, le=4096)
    """Largest long side of the canvas in a film of strokes."""


def write_stroke_film(
    path: Path,
    samples: Sequence[Sample],
    strokes: Sequence[Sequence[Pass]],
    config: StrokeFilmConfig,
    export: ExportConfig,
) -> None:
    """Write the film of a session in strokes.

    Args:
        strokes: the passes of each sample.
        export: its hold at the end, quality and captions.
    """
    frames = film_frames(samples, strokes, config, export)
    first = next(frames)
    size = (first.shape[1], first.shape[0])
    # A frame a second can be decoded on its own, so that players may jump about.
    encode_film(
        path, chain([first], frames), size, config.fps, export.film_quality,
        frames_between_keys=config.fps,
    )  # fmt: skip


def film_frames(
    samples: Sequence[Sample],
    strokes: Sequence[Sequence[Pass]],
    config: StrokeFilmConfig,
    export: ExportConfig,
) -> Iterator[np.ndarray]:
    """Frames of the film, RGB uint8: after each step the canvas is exactly that of the step.

    The strokes are drawn again at the film's size.
    """
    ends = step_ends(strokes, config, export)
    shown = even_sides(fitted(samples[0].current, config.side_px))
    for sample, passes, start, end in zip(samples, strokes, [0, *ends[:-1]], ends, strict=True):
        strip = strip_of(sample, shown.shape[1]) if export.captions == "on" else None
        for canvas in _step_frames(sample, passes, end - start, config.side_px):
            yield captioned(even_sides(canvas), strip)
        shown = captioned(even_sides(fitted(sample.next, config.side_px)), strip)
    yield from [shown] * _final_frames(config, export)


def step_ends(
    strokes: Sequence[Sequence[Pass]], config: StrokeFilmConfig, export: ExportConfig
) -> list[int]:
    """The number of the frame after the last one of each step."""
    num_frames = round((config.seconds or USUAL_SECONDS) * config.fps)
    num_painted = max(len(strokes), num_frames - _final_frames(config, export))
    counts = np.array([1 + sum(len(laid.strokes) for laid in passes) for passes in strokes])
    weights = counts**STROKES_WEIGHT
    return [int(end) for end in np.rint(np.cumsum(weights) / weights.sum() * num_painted)]


def _final_frames(config: StrokeFilmConfig, export: ExportConfig) -> int:
    seconds = config.seconds or USUAL_SECONDS
    return final_frames(export, config.fps, seconds)


def _step_frames(
    sample: Sample, passes: Sequence[Pass], num_frames: int, side_px: int
) -> Iterator[np.ndarray]:
    """The frames in which one step is painted; the last one shows the canvas after it."""
    if num_frames <= 0:
        return
    canvas, following = fitted(sample.current, side_px).copy(), fitted(sample.next, side_px)
    # Strokes that reveal the picture stand in the last coats, where the canvas becomes it.
    total = sum(len(laid.strokes) for laid in passes)
    shown, laid_so_far = 0, 0
    for laid in passes:
        for _ in scaled_pass(laid, sample.current.shape, canvas.shape).draw(canvas, following):
            laid_so_far += 1
            while shown < num_frames - 1 and laid_so_far * num_frames >= (shown + 1) * total:
                shown += 1
                yield canvas
    yield from [following] * (num_frames - shown)


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
