"""Writes files and folders atomically: to a temporary name, which is then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

SUFFIX = ".tmp"
"""End of the name of every temporary file or folder."""
RUST_ERROR = re.compile(r"\(os error (\d+)\)")
"""An error of the operating system in the messages of libraries of Rust (safetensors)."""


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yields a binary file that appears at `path` when the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder that takes the place of `path` when the block ends without error.

    What lies in it is then flushed to disk and gets the modes that the umask gives to new files
    and folders: some libraries (safetensors) write files that only their owner may read.

    Raises:
        OSError: the disk cannot be written, also if a library of Rust says so in words alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        temporary.mkdir()
        yield temporary
        _finish(temporary)
        _replace_folder(temporary, path)
    except OSError as error:
        # Users do not know the temporary name. An error without a name must not get an empty one.
        if isinstance(error.filename, str):
            error.filename = error.filename.replace(temporary.name, path.name)
        if isinstance(error.filename2, str):
            error.filename2 = error.filename2.replace(temporary.name, path.name)
        raise
    except Exception as error:
        told = RUST_ERROR.search(str(error))
        if told is None:
            raise
        raise OSError(int(told[1]), os.strerror(int(told[1])), str(path)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_name(path: Path) -> Path:
    """The temporary name of `path` for this process.

    Two processes may write the same content-named file at once: each has its own temporary name,
    and whichever renames last puts the same bytes there.
    """
    return path.with_name(f".{path.name}.{os.getpid()}@{_host()}{SUFFIX}")


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_file(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically, as indented JSON with sorted keys."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def remove_stale_temporaries(folder: Path, older_than_s: float = 3600.0) -> int:
    """Delete temporary files and folders of dead processes below `folder`; returns their number.

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
            if not process_id.isdigit():
                continue  # not a name of ours
            is_dead = host in ("", _host()) and not _alive(int(process_id))
            if is_dead or now - path.stat().st_mtime > older_than_s:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed += 1
    return removed


def _replace_folder(temporary: Path, path: Path) -> None:
    """Rename the folder `temporary` to `path`, and delete what lay there."""
    if not path.exists():
        os.replace(temporary, path)
        return
    # A folder that is not empty cannot be replaced in one step.
    before = temporary_name(path.with_name(f"{path.name}.before"))
    os.replace(path, before)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(before, path)
        raise
    shutil.rmtree(before) if before.is_dir() else before.unlink()


def _finish(folder: Path) -> None:
    """Give the folders and files in `folder` the modes of new ones, and flush the files to disk."""
    # A new folder has every permission that the umask allows.
    mode = folder.stat().st_mode & 0o777
    for place, folders, files in os.walk(folder):
        for name in folders:
            Path(place, name).chmod(mode)
        for name in files:
            path = Path(place, name)
            path.chmod(mode & 0o666)
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _temporaries(folder: Path) -> Iterator[Path]:
    """Yields temporary files and folders below a folder, without listing a folder in memory as
    `rglob` does."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(SUFFIX):
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                yield from _temporaries(Path(entry.path))


def _host() -> str:
    """This machine's name, without the dots that separate the parts of a temporary name."""
    return socket.gethostname().replace(".", "-")


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
