"""Keeps the canvases of a painting whose session cannot be written."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError, storage_error
from ingest.format.images import encode_image

RECOVERED = "recovered"
"""Folder for the canvases in a painting's folder."""


@contextmanager
def kept_canvases(folder: Path, canvases: Sequence[np.ndarray]) -> Iterator[None]:
    """Context in which a session is written. If that fails, the canvases are written as plain PNG:
    to ``recovered/`` in `folder`, or to a temporary folder if that cannot be written either.

    Raises:
        UserError: the session could not be written; it says why, and where the canvases are. A
            disk that cannot be written raises its own error, after a warning that says where.
    """
    try:
        yield
    except Exception as error:
        place = _written(folder / RECOVERED, canvases)
        where = f"its {len(canvases)} canvases are kept in {place}"
        if isinstance(error, OSError) and storage_error(error, folder) is not None:
            warnings.warn(f"{folder}: painted, {where}", stacklevel=3)
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(
            f"{folder}: painted, but the session could not be written ({reason}); {where}"
        ) from error


def _written(place: Path, canvases: Sequence[np.ndarray]) -> Path:
    """Write the canvases; returns the folder that they are in."""
    try:
        _write(place, canvases)
    except OSError:
        place = Path(tempfile.mkdtemp(prefix="painting-"))
        _write(place, canvases)
    return place


def _write(place: Path, canvases: Sequence[np.ndarray]) -> None:
    for number, canvas in enumerate(canvases):
        write_bytes(place / f"{number:03d}.png", encode_image(canvas, "png"))
