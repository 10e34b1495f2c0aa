"""A corpus of films: names, splits, the manifest, and going on where an earlier run stopped."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import config_hash, load_section, to_yaml
from ingest.conventions.errors import UserError, storage_error
from ingest.format.schema import Split
from ingest.studio.settings import StudioConfig

VAL_EVERY = 6


@dataclass(frozen=True)
class Film:
    """One film to make."""

    name: str
    seed: int
    split: Split


def resolve(path: Path | None, overrides: list[str], given: dict[str, Any]) -> StudioConfig:
    """The config from the top key `studio` of a file, ``--set studio.KEY=VALUE``, and options;
    the later wins."""
    options = [f"studio.{key}={value}" for key, value in given.items() if value is not None]
    return load_section("studio", StudioConfig, path, [*overrides, *options])


def plan_of(seed: int, count: int, config: StudioConfig) -> list[Film]:
    """Names and splits: of three films or more, the last sixth (at least one) is for validation."""
    num_val = max(1, round(count / VAL_EVERY)) if count >= 3 else 0
    return [
        Film(
            f"studio-{config.profile}-{seed + i:05d}", seed + i,
            "val" if i >= count - num_val else "train",
        )
        for i in range(count)
    ]  # fmt: skip


def shoot_all(seed: int, count: int, config: StudioConfig, folder: Path) -> dict[str, Any]:
    """Film what is not there yet, then write the manifest; returns the machine-readable result."""
    from ingest.studio.filming.film import film_video

    films = plan_of(seed, count, config)

    def shoot(film: Film, video: Path, tick: Callable[[float], None]) -> None:
        film_video(film.seed, config, video, tick)

    return _shoot_missing(films, config, folder, shoot)


def shoot_others(seed: int, count: int, config: StudioConfig, folder: Path) -> dict[str, Any]:
    """Film every kind of non-painting, `count` of each; returns the machine-readable result."""
    from ingest.studio.non_paintings import REFUSALS, film_other

    films = [
        Film(f"other-{kind}-{seed + i:05d}", seed + i, "train")
        for kind in REFUSALS
        for i in range(count)
    ]

    def shoot(film: Film, video: Path, tick: Callable[[float], None]) -> None:
        film_other(film.name.removeprefix("other-")[:-6], film.seed, config, video)
        tick(1.0)

    return _shoot_missing(films, config, folder, shoot)


def _shoot_missing(
    films: list[Film],
    config: StudioConfig,
    folder: Path,
    shoot: Callable[[Film, Path, Callable[[float], None]], None],
) -> dict[str, Any]:
    """Film what is not there yet, then write the manifest."""
    made, began = 0, time.monotonic()
    _claim(folder, config)
    remove_stale_temporaries(folder)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with bar:
        for film in films:
            video = folder / f"{film.name}.mp4"
            if video.exists():
                bar.console.print(f"{video.name}: there already")
                continue
            task = bar.add_task(film.name, total=1.0)
            start = time.monotonic()
            shoot(film, video, lambda share, task=task: bar.update(task, completed=share))
            bar.remove_task(task)
            bar.console.print(f"{video.name}: filmed in {time.monotonic() - start:.1f} s")
            made += 1
    write_bytes(folder / "manifest.csv", manifest(films, config))
    took_s = time.monotonic() - began
    print(f"{made} filmed, {len(films) - made} there already, in {took_s:.0f} s: {folder}")
    return {
        "folder": str(folder),
        "filmed": made,
        "films": [{"name": f.name, "seed": f.seed, "split": f.split} for f in films],
    }


def _claim(folder: Path, config: StudioConfig) -> None:
    """Write the config beside the films; refuse a folder that was filmed with another one."""
    path, text = folder / "studio.yaml", to_yaml(config, "studio")
    try:
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise UserError(
                f"{folder} holds films of another config (see {path.name}): choose another folder"
            )
        write_bytes(path, text.encode())
    except OSError as error:
        raise storage_error(error, folder) or error from error


def manifest(films: list[Film], config: StudioConfig) -> bytes:
    """The CSV that `python -m ingest` takes."""
    columns = ["uri", "painting", "licence", "source", "split"]
    if config.speed != 1:
        columns.append("speed")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for film in films:
        source = f"ingest.studio seed={film.seed} config={config_hash(config)}"
        painting = f"studio-{film.seed:05d}" if film.name.startswith("studio-") else film.name
        row = [f"{film.name}.mp4", painting, "CC0-1.0", source, film.split]
        writer.writerow([*row, f"{config.speed:g}"] if config.speed != 1 else row)
    return text.getvalue().encode()
