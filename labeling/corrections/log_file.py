"""Reads and appends the bytes of the corrections log so that a crash never corrupts it.

One row without a line break in a cell is appended with a single write. Anything larger is written
to a new file that replaces the log, so that it is added completely or not at all. A row that was
cut short (power loss, a full disk) has no line end and was never confirmed to a reviewer: readers
skip it, and the next write moves its bytes to ``review/torn.txt``.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import os
from collections.abc import Iterator
from pathlib import Path

from ingest.conventions.atomic import write_bytes
from ingest.format.dataset import Dataset

LINE_END = b"\r\n"
"""End of every row."""


@contextlib.contextmanager
def locked_log(dataset: Dataset) -> Iterator[None]:
    """Hold an exclusive lock on the log; imports, review pages and purges wait for each other."""
    path = dataset.corrections_csv.with_name(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def complete_rows(data: bytes) -> bytes:
    """The bytes of a log without an incomplete last row.

    A last row with all columns but no line end counts as complete: it was edited by hand.
    """
    if not data or data.endswith(b"\n"):
        return data
    complete, tail = data[: data.rfind(b"\n") + 1], data[data.rfind(b"\n") + 1 :]
    if not complete:
        return data  # an incomplete header: parsing reports what is wrong
    header = complete[: complete.find(b"\n")].decode("utf-8-sig", errors="replace").strip()
    names = next(csv.reader([header]), [])
    cells = next(csv.reader([tail.decode(errors="replace")]), [])
    return data if len(cells) >= len(names) > 1 else complete


def append_bytes(path: Path, header: bytes, rows: bytes) -> None:
    """Append rows to a log that begins with `header`, all or none. Call it inside `locked_log`.

    Args:
        rows: complete encoded lines.
    """
    is_one_line = rows.count(b"\n") == 1
    if is_one_line and path.is_file() and _ends_with_newline(path):
        _append_line(path, rows)
        return
    old = path.read_bytes() if path.is_file() else b""
    kept = complete_rows(old)
    if len(kept) < len(old):
        with path.with_name("torn.txt").open("ab") as file:
            file.write(old[len(kept) :] + LINE_END)
    if kept and not kept.endswith(b"\n"):
        kept += LINE_END
    write_bytes(path, (kept or header) + rows)
    _sync_folder(path.parent)


def starts_with(path: Path, header: bytes) -> bool:
    """Returns True if the file begins with these bytes."""
    with path.open("rb") as file:
        return file.read(len(header)) == header


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() == b"\n"


def _append_line(path: Path, line: bytes) -> None:
    """Append one line with a single synced write; removes what was written if that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(28, "no space left on device", str(path))
        os.fsync(descriptor)
    except OSError:
        # The row was not confirmed to anybody, so what was written of it is removed.
        os.ftruncate(descriptor, size)
        raise
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Sync a folder: only then does a rename in it survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
