"""The bytes of the corrections log: whole after every kill, and cheap to add to.

One row without a line break in a cell is added with a single write at the end; anything larger
makes the file anew beside the old one and renames it, so that it comes in whole or not at all.
A row that was cut short (power, a full disk) has no line end: it was never confirmed to anybody,
readers pass over it, and the next write sets its bytes aside in ``review/torn.txt``.
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


@contextlib.contextmanager
def locked_log(dataset: Dataset) -> Iterator[None]:
    """Nobody else changes the log meanwhile: imports, pages and purges wait for each other."""
    path = dataset.corrections_csv.with_name(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def committed(data: bytes) -> bytes:
    """A log without the row at its end that was cut short, if there is one.

    A last line that only lacks its line end (somebody edited the file by hand) is whole.
    """
    if not data or data.endswith(b"\n"):
        return data
    whole, tail = data[: data.rfind(b"\n") + 1], data[data.rfind(b"\n") + 1 :]
    if not whole:
        return data  # the header itself; reading it says what is wrong
    header = whole[: whole.find(b"\n")].decode("utf-8-sig", errors="replace").strip()
    names = next(csv.reader([header]), [])
    cells = next(csv.reader([tail.decode(errors="replace")]), [])
    return data if len(cells) >= len(names) > 1 else whole


def append_bytes(path: Path, header: bytes, rows: bytes) -> None:
    """Add encoded rows to a log that begins with `header`, all or none. Inside `locked_log`.

    Args:
        rows: whole lines.
    """
    is_one_line = rows.count(b"\n") == 1
    if is_one_line and path.is_file() and _ends_well(path):
        _append_line(path, rows)
        return
    old = path.read_bytes() if path.is_file() else b""
    kept = committed(old)
    if len(kept) < len(old):
        with path.with_name("torn.txt").open("ab") as file:
            file.write(old[len(kept) :] + LINE_END)
    if kept and not kept.endswith(b"\n"):
        kept += LINE_END
    write_bytes(path, (kept or header) + rows)
    _sync_folder(path.parent)


def begins_with(path: Path, header: bytes) -> bool:
    """Whether the file's first line is exactly this one."""
    with path.open("rb") as file:
        return file.read(len(header)) == header


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() == b"\n"


def _append_line(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(28, "no space left on device", str(path))
        os.fsync(descriptor)
    except OSError:
        # Nobody was told that it is in: take back what came of it.
        os.ftruncate(descriptor, size)
        raise
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """The rename itself survives a loss of power only when the folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
