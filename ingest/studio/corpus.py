"""Makes a folder of films and its manifest; a rerun makes only what is missing."""

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
from ingest.conventions.former_files import keep_former
from ingest.format.schema import Split
from ingest.studio.settings import StudioConfig

VAL_EVERY = 6
"""One film in so many goes to the val split."""


@dataclass(frozen=True)
class Film:
    """One film to make."""

    name: str
    seed: int
    split: Split


def resolve_config(path: Path | None, overrides: list[str], given: dict[str, Any]) -> StudioConfig:
    """Returns the config: the section `studio` of a file, overridden by ``--set studio.KEY=VALUE``,
    overridden by command line options."""
    options = [f"studio.{key}={value}" for key, value in given.items() if value is not None]
    return load_section("studio", StudioConfig, path, [*overrides, *options])


def plan_films(seed: int, count: int, config: StudioConfig) -> list[Film]:
    """Returns `count` films. Of three or more, the last sixth (one at least) is for validation."""
    num_val = max(1, round(count / VAL_EVERY)) if count >= 3 else 0
    return [
        Film(
            f"studio-{config.profile}-{seed + i:05d}", seed + i,
            "val" if i >= count - num_val else "train",
        )
        for i in range(count)
    ]  # fmt: skip


def film_paintings(seed: int, count: int, config: StudioConfig, folder: Path) -> dict[str, Any]:
    """Make the films that are missing, then the manifest; returns the JSON result."""
    from ingest.studio.filming.film import film_video

    films = plan_films(seed, count, config)

    def film_one(film: Film, video: Path, on_progress: Callable[[float], None]) -> None:
        film_video(film.seed, config, video, on_progress)

    return _film_missing(films, config, folder, film_one)


def film_non_paintings(seed: int, count: int, config: StudioConfig, folder: Path) -> dict[str, Any]:
    """Make `count` films of every kind of non-painting; returns the JSON result."""
    from ingest.studio.non_paintings import REFUSALS, film_non_painting

    films = [
        Film(f"other-{kind}-{seed + i:05d}", seed + i, "train")
        for kind in REFUSALS
        for i in range(count)
    ]

    def film_one(film: Film, video: Path, on_progress: Callable[[float], None]) -> None:
        film_non_painting(film.name.removeprefix("other-")[:-6], film.seed, config, video)
        on_progress(1.0)

    return _film_missing(films, config, folder, film_one)


def _film_missing(
    films: list[Film],
    config: StudioConfig,
    folder: Path,
    film_one: Callable[[Film, Path, Callable[[float], None]], None],
) -> dict[str, Any]:
    """Make the films that are missing with `film_one(film, video, on_progress)`, then the
    manifest; returns the JSON result."""
    made, began = 0, time.monotonic()
    _claim_folder(folder, config)
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
            film_one(film, video, lambda share, task=task: bar.update(task, completed=share))
            bar.remove_task(task)
            bar.console.print(f"{video.name}: filmed in {time.monotonic() - start:.1f} s")
            made += 1
    _write_manifest(folder / "manifest.csv", films, config)
    took_s = time.monotonic() - began
    print(f"{made} filmed, {len(films) - made} there already, in {took_s:.0f} s: {folder}")
    return {
        "folder": str(folder),
        "filmed": made,
        "films": [{"name": f.name, "seed": f.seed, "split": f.split} for f in films],
    }


def _write_manifest(path: Path, films: list[Film], config: StudioConfig) -> None:
    """Write the manifest; one that people edited is kept beside it."""
    if path.is_file() and not _is_own_manifest(path.read_bytes(), config):
        copy = keep_former(path)
        print(f"{path} was edited: it is kept as {copy.name}, and the manifest is written anew")
    write_bytes(path, manifest(films, config))


def _is_own_manifest(data: bytes, config: StudioConfig) -> bool:
    """Whether these are the bytes that some run of the studio with this config wrote."""
    rows = list(csv.reader(io.StringIO(data.decode(errors="replace"))))[1:]
    names = [row[0].removesuffix(".mp4") for row in rows if row]
    if not names:
        return False
    seeds = [name.rpartition("-")[2] for name in names]
    if not all(seed.isdecimal() for seed in seeds):
        return False
    if names[0].startswith("studio-"):
        films = plan_films(int(seeds[0]), len(names), config)
    else:
        films = [Film(n, int(s), "train") for n, s in zip(names, seeds, strict=True)]
    return manifest(films, config) == data


def _claim_folder(folder: Path, config: StudioConfig) -> None:
    """Write the config into the folder.

    Raises:
        UserError: the folder holds films of another config, or cannot be written.
    """
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
    """The manifest of the films as UTF-8 CSV, one row a film, as `python -m ingest` reads it."""
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
