"""Files that are either whole or absent: written to a temporary name, then renamed."""

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


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` when the block ends well, and leaves nothing if not."""
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
    """Put `data` at `path`, whole or not at all."""
    with atomic_file(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Put `value` as readable JSON with sorted keys at `path`, whole or not at all."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def remove_stale_temporaries(folder: Path, older_than_s: float = 3600.0) -> int:
    """Delete what a killed process left behind; others may belong to a run beside ours.

    Whether a process of another machine is alive cannot be seen from here: what it wrote counts
    as left behind when nothing was added for `older_than_s`.
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
    """Temporary files below a folder. One entry at a time: `rglob` lists a folder of a million
    files in memory first."""
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
