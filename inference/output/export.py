"""Writes a session as common file formats: frames, mp4 and GIF."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pydantic import Field

from inference.output.film import encode_film, even_sides
from inference.output.frames import canvases, fitted
from ingest.conventions.atomic import write_bytes
from ingest.conventions.config import Config
from ingest.format.schema import Sample
from ingest.format.tar import Fields

PALETTE_COLOURS = 256
"""Number of colours of the GIF."""
PALETTE_FRAMES = 6
"""Number of frames that the GIF's palette is computed from."""


class ExportConfig(Config):
    """Film and GIF of a painting; sizes are those of the written files."""

    fps: int = Field(default=24, ge=1, le=60)
    """Frames per second of the mp4."""
    hold_s: float = Field(default=0.45, gt=0, le=60)
    """Seconds that each canvas is shown."""
    fade_s: float = Field(default=0.25, ge=0, le=10)
    """Seconds of the fade from one canvas to the next."""
    final_hold_s: float = Field(default=3.0, gt=0, le=60)
    """Seconds that the finished picture is shown at the end."""
    film_side_px: int = Field(default=1280, ge=64, le=4096)
    """Largest long side of the mp4."""
    film_quality: int = Field(default=18, ge=0, le=51)
    """x264's constant rate factor; lower is better and larger."""
    gif_side_px: int = Field(default=480, ge=32, le=1280)
    """Largest long side of the GIF; its bytes grow with the square."""


def write_frames(folder: Path, encoded: Sequence[tuple[str, Fields]]) -> None:
    """Write ``000.png`` (the first canvas) to the last canvas at full size; frames of a
    longer painting that lay there are deleted, other files stay.

    Args:
        encoded: samples of a session as fields; their PNG bytes are written unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = [encoded[0][1]["current.png"], *(fields["next.png"] for _, fields in encoded)]
    contents = {f"{index:03d}.png": data for index, data in enumerate(frames)}
    for name, data in contents.items():
        write_bytes(folder / name, data)
    # Only names that follow ours without a gap are of a longer painting before; others are the
    # user's own.
    number = len(frames)
    while (extra := folder / f"{number:03d}.png").is_file():
        extra.unlink()
        number += 1


def write_film(path: Path, samples: Sequence[Sample], config: ExportConfig) -> None:
    """Write an h264 mp4 in yuv420p, which every player supports; sides are even, canvases fade."""
    frames = [even_sides(fitted(canvas, config.film_side_px)) for canvas in canvases(samples)]
    height, width = frames[0].shape[:2]
    images = _film_frames(frames, config)
    encode_film(path, images, (width, height), config.fps, config.film_quality)


def write_gif(path: Path, samples: Sequence[Sample], config: ExportConfig) -> None:
    """Write a looping GIF with one palette for all frames, so that static parts do not flicker."""
    frames = [fitted(canvas, config.gif_side_px) for canvas in canvases(samples)]
    palette = _palette(frames)
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        for frame in frames
    ]
    step_ms = round(1000 * (config.hold_s + config.fade_s))
    durations = [step_ms] * (len(images) - 1) + [round(1000 * config.final_hold_s)]
    buffer = io.BytesIO()
    images[0].save(
        buffer, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0,
        optimize=False, disposal=1,
    )  # fmt: skip
    write_bytes(path, buffer.getvalue())


def _film_frames(frames: Sequence[np.ndarray], config: ExportConfig) -> Iterator[np.ndarray]:
    """Frames of the film: every canvas held, with a linear fade to the next."""
    num_hold = max(1, round(config.hold_s * config.fps))
    num_fade = round(config.fade_s * config.fps)
    for current, following in pairwise(frames):
        yield from [current] * num_hold
        for step in range(1, num_fade + 1):
            weight = step / (num_fade + 1)
            yield cv2.addWeighted(following, weight, current, 1 - weight, 0)
    yield from [frames[-1]] * max(1, round(config.final_hold_s * config.fps))


def _palette(frames: Sequence[np.ndarray]) -> Image.Image:
    """The palette of some canvases; the finished picture has more weight."""
    chosen = [frames[int(i)] for i in np.linspace(0, len(frames) - 1, PALETTE_FRAMES)]
    sheet = np.concatenate([*chosen, frames[-1]], axis=0)
    return Image.fromarray(sheet).quantize(PALETTE_COLOURS, method=Image.Quantize.MEDIANCUT)
