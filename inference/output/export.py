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

from inference.output.captions import Captions, captioned, strip_of
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
    """Film, GIF and contact sheet of a painting."""

    fps: int = Field(default=24, ge=1, le=60)
    """Frames per second of the mp4."""
    hold_s: float = Field(default=0.45, gt=0, le=60)
    """Seconds that each canvas is shown."""
    fade_s: float = Field(default=0.25, ge=0, le=10)
    """Seconds of the fade from one canvas to the next."""
    final_hold_s: float = Field(default=3.0, gt=0, le=60)
    """Seconds that the finished picture is shown at the end."""
    film_side_px: int = Field(default=1280, ge=64, le=4096)
    """Largest long side of the canvas in the mp4."""
    film_quality: int = Field(default=18, ge=0, le=51)
    """x264's constant rate factor; lower is better and larger."""
    gif_side_px: int = Field(default=480, ge=32, le=1280)
    """Largest long side of the GIF's canvas; its bytes grow with the square."""
    captions: Captions = "sheet"
    """Word and time of each step. sheet: on the contact sheet; on: also on a strip below film and
    GIF; off: nowhere."""


def write_frames(folder: Path, encoded: Sequence[tuple[str, Fields]]) -> None:
    """Write ``000.png`` (the first canvas) to the last canvas at full size; other files stay.

    Args:
        encoded: samples of a session as fields; their PNG bytes are written unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = [encoded[0][1]["current.png"], *(fields["next.png"] for _, fields in encoded)]
    contents = {f"{index:03d}.png": data for index, data in enumerate(frames)}
    for name, data in contents.items():
        write_bytes(folder / name, data)


def write_film(
    path: Path, samples: Sequence[Sample], config: ExportConfig, seconds: float | None = None
) -> None:
    """Write an h264 mp4 in yuv420p, which every player supports; sides are even, canvases fade.

    Args:
        seconds: its length; None for the config's.
    """
    frames = [even_sides(fitted(canvas, config.film_side_px)) for canvas in canvases(samples)]
    strips = _strips(samples, frames[0].shape[1], config)
    height, width = captioned(frames[0], strips[0]).shape[:2]
    images = _film_frames(frames, strips, config, seconds)
    encode_film(path, images, (width, height), config.fps, config.film_quality)


def write_gif(
    path: Path, samples: Sequence[Sample], config: ExportConfig, seconds: float | None = None
) -> None:
    """Write a looping GIF with one palette for all frames, so that static parts do not flicker.

    Args:
        seconds: its length; None for the config's.
    """
    frames = [fitted(canvas, config.gif_side_px) for canvas in canvases(samples)]
    strips = _strips(samples, frames[0].shape[1], config)
    frames = [captioned(frame, strip) for frame, strip in zip(frames, strips, strict=True)]
    palette = _palette(frames)
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        for frame in frames
    ]
    buffer = io.BytesIO()
    images[0].save(
        buffer, format="GIF", save_all=True, append_images=images[1:],
        duration=_gif_durations_ms(len(images), config, seconds), loop=0, optimize=False,
        disposal=1,
    )  # fmt: skip
    write_bytes(path, buffer.getvalue())


def final_frames(config: ExportConfig, fps: int, seconds: float | None) -> int:
    """Number of frames that show the finished picture: the config's, but at most a quarter of a
    film of that length."""
    wanted = round(config.final_hold_s * fps)
    return max(1, wanted if seconds is None else min(wanted, round(seconds * fps) // 4))


def _strips(
    samples: Sequence[Sample], width_px: int, config: ExportConfig
) -> list[np.ndarray | None]:
    """The strip below each canvas, the first one's included; None without captions."""
    has_strips = config.captions == "on"
    return [strip_of(sample, width_px) if has_strips else None for sample in (None, *samples)]


def _film_frames(
    canvases: Sequence[np.ndarray],
    strips: Sequence[np.ndarray | None],
    config: ExportConfig,
    seconds: float | None,
) -> Iterator[np.ndarray]:
    """Frames of the film: every canvas held with its strip, and a linear fade to the next."""
    num_final = final_frames(config, config.fps, seconds)
    count = len(canvases) - 1
    hold, fade = max(1, round(config.hold_s * config.fps)), round(config.fade_s * config.fps)
    num_painted = count * (hold + fade)
    if seconds is not None:
        num_painted = max(count, round(seconds * config.fps) - num_final)
    ends = [round((index + 1) * num_painted / max(count, 1)) for index in range(count)]
    fade_share = fade / (hold + fade)
    for index, (start, end) in enumerate(pairwise([0, *ends])):
        current, following = canvases[index], canvases[index + 1]
        num_fade = round((end - start) * fade_share)
        yield from [captioned(current, strips[index])] * (end - start - num_fade)
        for step in range(1, num_fade + 1):
            weight = step / (num_fade + 1)
            faded = cv2.addWeighted(following, weight, current, 1 - weight, 0)
            yield captioned(faded, strips[index + 1])
    yield from [captioned(canvases[-1], strips[-1])] * num_final


def _gif_durations_ms(count: int, config: ExportConfig, seconds: float | None) -> list[int]:
    """How long each of `count` pictures is shown; GIFs count hundredths of a second."""
    final_ms = 1000 * config.final_hold_s
    step_ms = 1000 * (config.hold_s + config.fade_s)
    if seconds is not None:
        final_ms = min(final_ms, 250 * seconds)
        step_ms = (1000 * seconds - final_ms) / max(count - 1, 1)
    # Browsers show pictures of less than 20 ms for 100 ms.
    return [*[max(20, round(step_ms))] * (count - 1), round(final_ms)]


def _palette(frames: Sequence[np.ndarray]) -> Image.Image:
    """The palette of some canvases; the finished picture has more weight."""
    chosen = [frames[int(i)] for i in np.linspace(0, len(frames) - 1, PALETTE_FRAMES)]
    sheet = np.concatenate([*chosen, frames[-1]], axis=0)
    return Image.fromarray(sheet).quantize(PALETTE_COLOURS, method=Image.Quantize.MEDIANCUT)
