"""Runs ``python -m inference export``: film, GIF, contact sheet, page, frames and strokes of a
saved session again, with another kind, speed, size or captions of the film, without painting."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from pydantic import ValidationError

from inference.artist.planned.settings import OrderName
from inference.command.outputs import FILM, FRAMES, OUTPUTS, STROKES, Showable, write_outputs
from inference.command.painting_context import STROKES_PRESET
from inference.output.own_files import check_own_files, write_own_files
from inference.output.session import (
    SessionFolder,
    SessionRecord,
    read_encoded_session,
    session_folder,
)
from inference.settings import InferenceConfig
from ingest.conventions.atomic import remove_stale_temporaries, temporary_name
from ingest.conventions.errors import UserError

PARTS = ("film", "export", "viewer")
"""Settings that outputs depend on."""
WITHOUT_STROKES: tuple[OrderName, ...] = ("fade-in",)
"""Orders that lay no strokes."""


@dataclass(frozen=True)
class Changes:
    """What is to be other than in the session; None leaves it."""

    film: str | None = None
    seconds: float | None = None
    size_px: int | None = None
    """Long side of the canvas in the film."""
    gif_size_px: int | None = None
    captions: str | None = None


def run_export(source: Path, out: Path, changes: Changes) -> tuple[dict[str, Any], int]:
    """Write the outputs of the session in `source` into `out`; returns the machine-readable result
    and the exit code.

    Args:
        source: a folder that `paint` wrote, or its ``session`` folder.

    Raises:
        UserError: no session, an impossible change, or `out` holds files of those names that
            `export` did not write.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, expected a folder: choose another -o")
    place = session_folder(source)
    session, encoded = read_encoded_session(place)
    strokes, note = _strokes(place, session.record)
    shown = Showable(session, encoded, strokes)
    config = changed_config(session.record, changes, strokes is not None)
    if note and config.film.film == "strokes":
        print(f"export: {note}; the film shows canvas after canvas")
    # Read before anything is written, so that damaged strokes are refused first.
    ends = shown.film_ends_s(config)
    frames = [f"{FRAMES}/{number:03d}.png" for number in range(len(encoded) + 1)]
    names = [*frames, *(n for n in OUTPUTS if n != FRAMES and (n != STROKES or strokes))]
    check_own_files(out, names)
    _render(out, shown, config, names)
    film = _film_facts(out / FILM)
    kind = "canvases" if ends is None else "strokes"
    size = f"{film['size_px'][0]} x {film['size_px'][1]} px"
    print(f"export: film of {kind}, {film['seconds']:g} s, {size} -> {out}")
    if changes.size_px and max(session.record.canvas_size_px) < changes.size_px:
        print(f"export: canvases have {max(session.record.canvas_size_px)} px, none is enlarged")
    result = {"session": str(source), "folder": str(out), "film": {"kind": kind, **film}}
    return result | {"files": sorted(names)}, 0


def changed_config(record: SessionRecord, changes: Changes, has_strokes: bool) -> InferenceConfig:
    """The session's settings of its outputs with the changes.

    Raises:
        UserError: a change is out of bounds, or the settings are of another version.
    """
    tree = {name: dict(record.config.get(name, {})) for name in PARTS}
    try:
        InferenceConfig.model_validate(tree)
    except ValidationError as error:
        raise UserError(
            f"the session's settings of film, export and viewer are of another version "
            f"({error.error_count()} do not fit): export it with the code that painted it "
            f"(inference {record.versions.get('inference', 'unknown')})"
        ) from error
    kind = changes.film or tree["film"].get("film", "strokes")
    film_size = ("film", "side_px") if has_strokes and kind == "strokes" else None
    asked = {
        ("film", "film"): ("--film", changes.film),
        ("film", "seconds"): ("--seconds", changes.seconds),
        film_size or ("export", "film_side_px"): ("--size", changes.size_px),
        ("export", "gif_side_px"): ("--gif-size", changes.gif_size_px),
        ("export", "captions"): ("--captions", changes.captions),
    }
    for (part, key), (_, value) in asked.items():
        if value is not None:
            tree[part][key] = value
    try:
        return InferenceConfig.model_validate(tree)
    except ValidationError as error:
        problems = [
            f"{asked[(str(e['loc'][0]), str(e['loc'][1]))][0]} {e['input']}: {e['msg']}"
            for e in error.errors()
        ]
        raise UserError("; ".join(problems)) from error


def _strokes(place: SessionFolder, record: SessionRecord) -> tuple[bytes | None, str]:
    """The bytes of ``strokes.json``, or None and why there is none."""
    path = place.root.parent / STROKES
    if path.is_file():
        return path.read_bytes(), ""
    name = record.painter.name
    if record.painter.preset != STROKES_PRESET or name in WITHOUT_STROKES:
        return None, f"{name} painted no strokes"
    return None, f"{path} is not there (put it back for a film of strokes)"


def _render(out: Path, shown: Showable, config: InferenceConfig, names: list[str]) -> None:
    """Make all files in a temporary folder, then move them to their places at once."""
    remove_stale_temporaries(out)
    made = temporary_name(out / "export")
    made.mkdir(parents=True)
    try:
        failed = write_outputs(made, shown, config)
        if failed:
            raise UserError(f"{out}: could not be made ({'; '.join(failed.values())})")
        write_own_files(out, made, names)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _film_facts(path: Path) -> dict[str, Any]:
    """Length and size of a film."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        seconds = round(float(container.duration or 0) / av.time_base, 2)
        return {"seconds": seconds, "size_px": [stream.width, stream.height]}
