"""Temporary local copies of remote sources: decoders need files.

A copy lies in a folder that its process keeps locked. The lock ends with the process, and the next
process that makes a copy on that machine removes all folders without a lock.
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
from ingest.sources.file_systems import RemoteConfig
from ingest.sources.remote import RemoteFile, fetch, find, is_remote, join, name_of, stat
from ingest.sources.source_row import FOLDER_MARKER_FILES, PICTURE_EXTENSIONS, SourceRow


@contextlib.contextmanager
def local_copy(row: SourceRow, config: RemoteConfig) -> Iterator[SourceRow]:
    """Yields the row with local paths; copies are removed at the end of the block.

    Refusals raised in the block get the address in place of the copy's path, so that records do not
    depend on where the copy lay.

    Raises:
        Refusal: missing, no-size. Unreachable. OSError: the copy cannot be written.
    """
    if not (is_remote(row.uri) or is_remote(row.times)):
        yield row
        return
    with copy_folder() as folder:
        copy = replace(
            row,
            uri=_copy(row.uri, folder / "source", config),
            times=_copy(row.times, folder / "times", config),
        )
        try:
            yield copy
        except Refusal as refusal:
            detail = refusal.detail.replace(copy.uri, row.uri)
            if copy.times:
                detail = detail.replace(copy.times, row.times)
            raise type(refusal)(refusal.reason, detail) from refusal


def remote_change_tag(row: SourceRow, config: RemoteConfig) -> str:
    """A text that changes when a remote source or its times do; empty if a version is unknown."""
    uris = [uri for uri in (row.uri, row.times) if uri]
    if not all(map(is_remote, uris)):
        return ""
    try:
        tags = [_change_tag(uri, config) for uri in uris]
    except Refusal:
        return ""  # Processing the row will say what is wrong.
    return " ".join(tags) if all(tags) else ""


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
    """Remove copies that killed processes of this user left on this machine; returns the number of
    folders."""
    with _locked_root() as root:
        return _remove_abandoned(root)


def copies_root() -> Path:
    """The folder of all copies on this machine, in TMPDIR."""
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
        with contextlib.suppress(FileNotFoundError):  # its process has just removed it
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                removed += 1
            except BlockingIOError:
                pass  # a process is using it
            finally:
                os.close(handle)
    return removed


def _copy(uri: str, folder: Path, config: RemoteConfig) -> str:
    """Download a file or picture folder and return its path; a local `uri` is returned as it is."""
    if not is_remote(uri):
        return uri
    folder.mkdir()
    target = folder / (name_of(uri) or "source")
    remote = _stat_unless_folder(uri, config)
    if remote is not None:
        fetch(remote, target, config)
        return str(target)
    target.mkdir()
    for name in _picture_folder_files(uri, config):
        part = stat(join(uri, name), config)
        if part is not None:
            fetch(part, target / name, config)
    return str(target)


def _change_tag(uri: str, config: RemoteConfig) -> str:
    remote = _stat_unless_folder(uri, config)
    if remote is not None:
        return remote.change_tag
    tags = [
        f"{name} {_change_tag(join(uri, name), config)}"
        for name in _picture_folder_files(uri, config)
    ]
    return "" if any(tag.endswith(" ") for tag in tags) else "\n".join(tags)


def _stat_unless_folder(uri: str, config: RemoteConfig) -> RemoteFile | None:
    """`stat` of a file; None for a folder (in http, an address that ends with a slash)."""
    return None if uri.startswith("http") and uri.endswith("/") else stat(uri, config)


def _picture_folder_files(uri: str, config: RemoteConfig) -> list[str]:
    """Names of the pictures and marker files in a remote picture folder."""
    prefix = uri.rstrip("/") + "/"
    names = [path.removeprefix(prefix) for path in find(uri, config) if path.startswith(prefix)]
    return [
        name
        for name in names
        if "/" not in name
        and (name in FOLDER_MARKER_FILES or Path(name).suffix.lower() in PICTURE_EXTENSIONS)
    ]
