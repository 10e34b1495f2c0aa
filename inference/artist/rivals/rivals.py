"""Finds rival folders, and starts the rival of a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inference.artist.rivals.paint_transformer import start_paint_transformer
from inference.artist.rivals.rival import RivalStart, RivalTask
from inference.artist.rivals.timecraft import start_timecraft
from ingest.conventions.errors import UserError
from training.rivals.folder import RIVAL_FILE

RIVALS: dict[str, Callable[[RivalTask], RivalStart]] = {
    "timecraft": start_timecraft,
    "paint_transformer": start_paint_transformer,
}
"""The function that starts each kind of rival."""


def find_rival(painter: str) -> Path | None:
    """The rival folder that a painter's name stands for; None: it is something else."""
    folder = Path(painter)
    return folder if (folder / RIVAL_FILE).is_file() else None


def start_rival(task: RivalTask) -> RivalStart:
    """The rival of a task's folder, ready to paint.

    Raises:
        UserError: an unknown kind, or the folder is damaged.
    """
    start = RIVALS.get(task.record.kind)
    if start is None:
        raise UserError(
            f"{task.folder / RIVAL_FILE}: got the kind {task.record.kind!r}, expected one of "
            f"{', '.join(RIVALS)}: it was made by another version of this code"
        )
    return start(task)
