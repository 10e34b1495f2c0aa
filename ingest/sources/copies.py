"""Local copies of remote sources, for as long as they are worked on: decoders need files.

A copy lies in a folder that its process holds locked. The lock goes with the process, however it
ends, and whoever makes the next copy on that machine removes the folders that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ingest.conventions.errors import Refusal, UserError
from ingest.sources.remote import RemoteFile, fetch, find, is_remote, join, name_of, stat
from ingest.sources.source_row import FOLDER_MARKS, PICTURE_ENDINGS, SourceRow
from ingest.sources.stores import RemoteConfig


@contextlib.contextmanager
def local_copy(row: SourceRow, config: RemoteConfig) -> Iterator[SourceRow]:
    """The row with local paths: the same one, or one whose files are fetched and removed again.

    Refusals that leave the block name the address instead of the copy, so that what is recorded
    does not depend on where the copy lay.

    Raises:
        Refusal: missing, no-size. Unreachable. OSError: the copy cannot be written.
    """
    if not (is_remote(row.uri) or is_remote(row.times)):
        yield row
        return
    with copy_folder() as folder:
        copy = replace(
            row,
            uri=_copied(row.uri, folder / "source", config),
            times=_copied(row.times, folder / "times", config),
        )
        try:
            yield copy
        except Refusal as refusal:
            detail = refusal.detail.replace(copy.uri, row.uri)
            if copy.times:
                detail = detail.replace(copy.times, row.times)
            raise type(refusal)(refusal.reason, detail) from refusal


def remote_stamp(row: SourceRow, config: RemoteConfig) -> str:
    """Changes when a remote source or its times do, read or not; empty if that cannot be told."""
    uris = [uri for uri in (row.uri, row.times) if uri]
    if not all(map(is_remote, uris)):
        return ""
    try:
        stamps = [_stamp(uri, config) for uri in uris]
    except Refusal:
        return ""  # Working on the row will say what is wrong.
    return " ".join(stamps) if all(stamps) else ""


@contextlib.contextmanager
def copy_folder() -> Iterator[Path]:
    """An empty folder for this process alone, removed at the end of the block."""
    with _locked_root() as root:
        _remove_abandoned(root)
        folder = Path(tempfile.mkdtemp(dir=root))
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def remove_abandoned_copies() -> int:
    """Remove what killed processes of this user left on this machine; returns how many folders."""
    with _locked_root() as root:
        return _remove_abandoned(root)


def copies_root() -> Path:
    """Where copies lie on this machine; TMPDIR chooses the disk."""
    return Path(tempfile.gettempdir()) / f"ingest-copies-{os.getuid()}"


@contextlib.contextmanager
def _locked_root() -> Iterator[Path]:
    root = copies_root()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise UserError(f"{root} belongs to somebody else: set TMPDIR to a folder of your own")
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield root
    finally:
        os.close(handle)


def _remove_abandoned(root: Path) -> int:
    removed = 0
    for folder in root.iterdir():
        with contextlib.suppress(FileNotFoundError):  # its owner has just removed it
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                removed += 1
            except BlockingIOError:
                pass  # somebody works on it
            finally:
                os.close(handle)
    return removed


def _copied(uri: str, folder: Path, config: RemoteConfig) -> str:
    """The path of a file's or picture folder's copy; what is not remote stays as it is."""
    if not is_remote(uri):
        return uri
    folder.mkdir()
    target = folder / (name_of(uri) or "source")
    remote = _looked_up(uri, config)
    if remote is not None:
        fetch(remote, target, config)
        return str(target)
    target.mkdir()
    for name in _parts(uri, config):
        part = stat(join(uri, name), config)
        if part is not None:
            fetch(part, target / name, config)
    return str(target)


def _stamp(uri: str, config: RemoteConfig) -> str:
    remote = _looked_up(uri, config)
    if remote is not None:
        return remote.stamp
    stamps = [f"{name} {_stamp(join(uri, name), config)}" for name in _parts(uri, config)]
    return "" if any(stamp.endswith(" ") for stamp in stamps) else "\n".join(stamps)


def _looked_up(uri: str, config: RemoteConfig) -> RemoteFile | None:
    """The file, or None for a folder, which http tells by a slash at the end."""
    return None if uri.startswith("http") and uri.endswith("/") else stat(uri, config)


def _parts(uri: str, config: RemoteConfig) -> list[str]:
    """Names of the files of a picture folder that matter."""
    prefix = uri.rstrip("/") + "/"
    names = [path.removeprefix(prefix) for path in find(uri, config) if path.startswith(prefix)]
    return [
        name
        for name in names
        if "/" not in name
        and (name in FOLDER_MARKS or Path(name).suffix.lower() in PICTURE_ENDINGS)
    ]
