"""Who is measured: orders, painters and rivals of the paper that paint here, and processes painted
elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from inference.artist.planned.orders import find_order
from inference.artist.rivals.rivals import find_rival
from inference.command.painting_context import PaintingContext, load_context, painter_record
from inference.command.rollout_setup import start_rollout
from inference.evaluation.process import Process
from inference.evaluation.process_files import read_painted
from inference.inputs.picture import Picture
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError
from ingest.format.images import encode_image, sha256


@dataclass(frozen=True)
class ArtistSpec:
    """An artist as the user named it."""

    name: str
    """In the table."""
    painter: str = ""
    """Order, painter folder or hub name; empty for a folder of painted processes."""
    folder: Path | None = None
    """Processes painted elsewhere."""
    interval_s: float | None = None
    """Painting seconds of a step or frame; None for the painter's own, or the session's."""


def parse_artists(text: str) -> list[ArtistSpec]:
    """The artists of ``learned,prototype,paper=painters/paper,timecraft=frames/timecraft@23.6``.

    ``NAME=`` may be left out. ``@SECONDS`` is the interval. A folder with the index of a painter,
    an order or a rival of the paper is an artist; any other folder holds processes, one a painting.

    Raises:
        UserError: a name occurs twice, or an interval is no number.
    """
    specs = [_parse_one(part.strip()) for part in text.split(",") if part.strip()]
    names = [spec.name for spec in specs]
    if not specs or len(set(names)) < len(names):
        raise UserError(f"--artists {text!r}: expected different names, got {names}")
    return specs


def painted_process(
    spec: ArtistSpec, name: str, target: np.ndarray, config: InferenceConfig
) -> Process:
    """The artist's process of one painting.

    Args:
        target: the finished painting, RGB uint8 (H, W, 3).

    Raises:
        UserError: the artist cannot paint it, or its process is not there.
    """
    if spec.folder is not None:
        return read_painted(spec.folder, name, spec.interval_s)
    context = artist_context(spec, config)
    height, width = target.shape[:2]
    digest = sha256(encode_image(target, "png"))
    rollout = start_rollout(context, Picture(Path(name), target, digest, (width, height)))
    steps = list(rollout)
    frames = (steps[0].current, *(step.next for step in steps))
    return Process(name, frames, (0.0, *(step.time_s for step in steps)))


def fingerprint(spec: ArtistSpec, config: InferenceConfig) -> str:
    """Changes when the artist would paint otherwise; of painted processes it is their place."""
    if spec.folder is not None:
        return f"{spec.folder.resolve()}@{spec.interval_s}"
    return f"{painter_record(artist_config(spec, config))[0].fingerprint}@{spec.interval_s}"


def artist_config(spec: ArtistSpec, config: InferenceConfig) -> InferenceConfig:
    """The config with the artist's painter and interval."""
    rollout = config.rollout
    if spec.interval_s is not None:
        rollout = rollout.model_copy(update={"interval_s": spec.interval_s})
    return config.model_copy(update={"painter": spec.painter, "rollout": rollout})


def artist_context(spec: ArtistSpec, config: InferenceConfig) -> PaintingContext:
    """The loaded painter of an artist, kept for the next painting."""
    return _context(artist_config(spec, config).model_dump_json())


@lru_cache(maxsize=1)
def _context(config_json: str) -> PaintingContext:
    config = InferenceConfig.model_validate_json(config_json)
    return load_context(config, painter_record(config)[0])


def _paints(folder: Path) -> bool:
    """Whether a folder holds an artist, and not processes."""
    is_painter = (folder / "model_index.json").is_file()
    return is_painter or bool(find_order(str(folder)) or find_rival(str(folder)))


def _parse_one(text: str) -> ArtistSpec:
    name, equals, place = text.rpartition("=")
    place, at, seconds = place.partition("@") if "@" in place else (place, "", "")
    try:
        interval_s = float(seconds) if at else None
    except ValueError:
        interval_s = -1.0
    if interval_s is not None and not 0 < interval_s < float("inf"):
        raise UserError(f"--artists {text!r}: got {seconds!r} after @, expected seconds above 0")
    shown = name if equals else f"{Path(place).name}{at}{seconds}"
    folder = Path(place)
    if folder.is_dir() and not _paints(folder):
        return ArtistSpec(shown, folder=folder, interval_s=interval_s)
    return ArtistSpec(shown, painter=place, interval_s=interval_s)
