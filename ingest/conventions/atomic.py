"""Writes files atomically: to a temporary name, which is then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

SUFFIX = ".tmp"
"""End of the name of every temporary file."""


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yields a binary file that appears at `path` when the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may write the same content-named file at once: each has its own temporary name,
    # and whichever renames last puts the same bytes there.
    temporary = path.with_name(f".{path.name}.{os.getpid()}@{_host()}{SUFFIX}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_file(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically, as indented JSON with sorted keys."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def remove_stale_temporaries(folder: Path, older_than_s: float = 3600.0) -> int:
    """Delete temporary files of dead processes below `folder`; returns their number.

    Whether a process of another machine is alive cannot be seen from here. Its files count as
    stale when they were not modified for `older_than_s`.
    """
    if not folder.is_dir():
        return 0
    now, removed = time.time(), 0
    for path in _temporaries(folder):
        with contextlib.suppress(FileNotFoundError):
            owner = path.name.removesuffix(SUFFIX).rpartition(".")[2]
            process_id, _, host = owner.partition("@")
            is_dead = host in ("", _host()) and not _alive(process_id)
            if is_dead or now - path.stat().st_mtime > older_than_s:
                path.unlink()
                removed += 1
    return removed


def _temporaries(folder: Path) -> Iterator[Path]:
    """Yields temporary files below a folder, without listing a folder in memory as `rglob` does."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _temporaries(Path(entry.path))
            elif entry.name.startswith(".") and entry.name.endswith(SUFFIX):
                yield Path(entry.path)


def _host() -> str:
    """This machine's name, without the dots that separate the parts of a temporary name."""
    return socket.gethostname().replace(".", "-")


def _alive(process_id: str) -> bool:
    if not process_id.isdigit():
        return False
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
