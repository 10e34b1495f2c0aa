"""Writes what is shown of a session: frames, film, GIF, contact sheet, page and strokes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from inference.output.contact_sheet import write_contact_sheet
from inference.output.export import write_film, write_frames, write_gif
from inference.output.session import Session
from inference.output.stroke_film import step_ends, write_stroke_film
from inference.output.stroke_record import STROKES, strokes_of
from inference.output.viewer import write_viewer
from inference.settings import InferenceConfig
from inference.strokes.brushwork import Pass
from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError, storage_error
from ingest.format.tar import Fields

FILM = "painting.mp4"
"""Name of the film; the page plays it from there."""
GIF = "painting.gif"
SHEET = "sheet.png"
PAGE = "index.html"
FRAMES = "frames"
"""Name of the folder of canvases."""
OUTPUTS = (STROKES, FRAMES, FILM, GIF, SHEET, PAGE)
"""Names of all outputs; paintings without strokes have no `STROKES`."""


@dataclass(frozen=True, eq=False)
class Showable:
    """A finished session with all that its pictures are made from."""

    session: Session
    encoded: Sequence[tuple[str, Fields]]
    """The samples as in steps.tar."""
    strokes: bytes | None
    """``strokes.json``; None for a painting without strokes."""

    def film_kind(self, config: InferenceConfig) -> Literal["strokes", "steps"]:
        """What a film of this session shows: without strokes, canvases."""
        return "steps" if self.strokes is None else config.film.film

    @cached_property
    def passes(self) -> list[list[Pass]]:
        """The strokes of each step as the JSON has them, so that a film that is made from the JSON
        later is the same."""
        record, count = self.session.record, len(self.session.samples)
        if self.strokes is None:
            return [[] for _ in range(count)]
        return strokes_of(self.strokes, count, record.canvas_size_px, STROKES)

    def write_film(self, path: Path, config: InferenceConfig) -> None:
        """Write the film, of strokes or of canvases."""
        samples = self.session.samples
        if self.film_kind(config) == "steps":
            write_film(path, samples, config.export, config.film.seconds)
        else:
            write_stroke_film(path, samples, self.passes, config.film, config.export)

    def film_ends_s(self, config: InferenceConfig) -> list[float] | None:
        """Seconds at which each step ends in a film of strokes; None for a film of canvases."""
        if self.film_kind(config) == "steps":
            return None
        ends = step_ends(self.passes, config.film, config.export)
        return [round(end / config.film.fps, 4) for end in ends]


def check_places(folder: Path) -> None:
    """Raises UserError if a folder lies where an output goes, or a file where a folder goes."""
    for name in (*OUTPUTS, "config.yaml", "session/steps.tar", "session/session.json"):
        path, is_folder = folder / name, name == FRAMES
        if path.exists() and path.is_dir() != is_folder:
            found, wanted = ("file", "folder") if is_folder else ("folder", "file")
            raise UserError(
                f"{path} is a {found}, expected a {wanted} or nothing: move it away, or choose "
                "another -o"
            )


def write_outputs(folder: Path, shown: Showable, config: InferenceConfig) -> dict[str, str]:
    """Write all outputs; returns the names of those that failed, and why. One that fails does not
    take the others with it, but a disk that cannot be written ends all."""
    samples, export, strokes = shown.session.samples, config.export, shown.strokes
    seconds, has_captions = config.film.seconds, export.captions != "off"
    failed: dict[str, str] = {}

    def attempt(name: str, write: Callable[[Path], object]) -> None:
        try:
            write(folder / name)
        except Exception as error:
            if isinstance(error, OSError) and storage_error(error, folder) is not None:
                raise
            reason = " ".join(str(error).split())[:200]
            failed[name] = f"{name}: {type(error).__name__}: {reason}"

    if strokes is not None:
        attempt(STROKES, lambda path: write_bytes(path, strokes))
    attempt(FRAMES, lambda path: write_frames(path, shown.encoded))
    attempt(FILM, lambda path: shown.write_film(path, config))
    attempt(GIF, lambda path: write_gif(path, samples, export, seconds))
    attempt(SHEET, lambda path: write_contact_sheet(path, samples, has_captions))
    ends = None if FILM in failed else shown.film_ends_s(config)
    attempt(PAGE, lambda path: write_viewer(path, shown.session, config.viewer, ends))
    return failed
