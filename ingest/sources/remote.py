"""Lists, describes and downloads files behind ``s3://``, ``gs://``, ``http://`` and ``https://``.

A download must have the size that the server named, and the file must not change meanwhile.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ingest.conventions.errors import Refusal, Unreachable
from ingest.sources.file_systems import (
    RemoteConfig,
    file_system_of,
    give_up_or_pause,
    network_errors,
    request,
)

SCHEMES = ("s3", "gs", "http", "https")
"""Schemes of remote addresses."""


@dataclass(frozen=True)
class RemoteFile:
    """What a server says about a file without sending it."""

    uri: str
    size: int
    """In bytes."""
    version: str
    """ETag or modification time; empty if the server sends neither."""

    @property
    def change_tag(self) -> str:
        """A text that changes when the file does; empty if the version is unknown."""
        return f"{self.size}-{self.version}" if self.version else ""


def is_remote(text: str) -> bool:
    """Whether an input is a remote address (`file://` is not)."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def local_path(text: str) -> Path:
    """The path of a local input, given as a path or as ``file://``."""
    return Path(unquote(urlsplit(text).path) if text.startswith("file://") else text)


def join(folder: str, text: str) -> str:
    """The address of `text`, relative to the remote `folder`; a full address stays as it is."""
    return text if "://" in text else f"{folder.rstrip('/')}/{text}"


def is_glob(uri: str) -> bool:
    """Whether an address is a glob pattern; in http, ? and [ belong to queries and hosts."""
    return "*" in uri or (not uri.startswith("http") and ("[" in uri or "?" in uri))


def name_of(uri: str) -> str:
    """The last part of an address, without query: the file's name."""
    path = urlsplit(uri).path if uri.startswith("http") else uri
    return path.rstrip("/").rpartition("/")[2]


def stat(uri: str, config: RemoteConfig) -> RemoteFile | None:
    """Size and version of a file; None for a folder.

    Raises:
        Refusal: missing, no-size. Unreachable.
    """
    info = request(uri, config, lambda files, path: files.info(path))
    if info.get("type") == "directory":
        return None
    if info.get("size") is None:
        raise Refusal("no-size", f"{uri}: the server tells no size: download it and give the file")
    versions = (info.get("ETag"), info.get("Last-Modified"), info.get("mtime"))
    return RemoteFile(uri, int(info["size"]), next((str(text) for text in versions if text), ""))


def find(uri: str, config: RemoteConfig) -> list[str]:
    """Addresses of all files below a folder, or of all files and folders that a glob names, sorted.

    http folders are the links of their index page. Raises Refusal: missing; Unreachable.
    """
    from fsspec.utils import glob_translate

    if not is_glob(uri):
        return sorted(name for name, is_folder in _walk(uri, sys.maxsize, config) if not is_folder)
    pattern = re.compile(glob_translate(uri))
    top = re.split(r"[*?\[]", uri)[0].rpartition("/")[0]
    deepest = sys.maxsize if "**" in uri else uri.count("/")
    names = (name for name, _ in _walk(top, deepest, config))
    return sorted(name for name in names if pattern.match(name.rstrip("/")))


def _walk(top: str, deepest: int, config: RemoteConfig) -> Iterator[tuple[str, bool]]:
    """Addresses below a folder, down to `deepest` slashes, and which of them are folders."""
    if top.startswith("gs://"):
        yield from _gs_walk(top, config)
        return
    # Listed folder by folder: fsspec's own walk takes a folder that fails for an empty one.
    folders = [top]
    while folders:
        for name, is_folder in _listed(folders.pop(), config):
            yield name, is_folder
            if is_folder and name.rstrip("/").count("/") < deepest:
                folders.append(name)


def _gs_walk(top: str, config: RemoteConfig) -> Iterator[tuple[str, bool]]:
    """`_walk` by one recursive listing: others omit folders (apache/arrow issue 35993)."""
    from pyarrow.fs import FileSelector, FileType

    selector = FileSelector(top.removeprefix("gs://").rstrip("/"), recursive=True)
    infos = request(top, config, lambda files, _: files.fs.get_file_info(selector))
    folders = set[str]()
    for info in infos:
        if info.type == FileType.File:
            yield f"gs://{info.path}", False
            folders.update(f"gs://{parent}" for parent in PurePosixPath(info.path).parents)
    base = top.rstrip("/") + "/"
    yield from ((folder, True) for folder in folders if folder.startswith(base))


def _listed(folder: str, config: RemoteConfig) -> list[tuple[str, bool]]:
    """Addresses of the direct entries of a folder (or of the file itself), and whether each is a
    folder."""
    entries = request(folder, config, lambda files, path: files.ls(path, detail=True))
    scheme = "" if folder.startswith("http") else folder.partition("://")[0] + "://"
    listed = [(scheme + entry["name"], entry["type"] == "directory") for entry in entries]
    # Index pages also link upwards and elsewhere.
    return [(name, is_folder) for name, is_folder in listed if name.startswith(folder)]


def fetch(remote: RemoteFile, target: Path, config: RemoteConfig) -> None:
    """Download a remote file to `target`; after an error a part of it may be left.

    Raises:
        Refusal: missing. Unreachable: the download was incomplete, or the file changed meanwhile.
        OSError: `target` cannot be written.
    """
    with target.open("wb") as file:
        for offset, data in _chunks(remote, config):
            file.seek(offset)
            file.write(data)
    if stat(remote.uri, config) != remote:
        raise Unreachable("unreachable", f"{remote.uri} changed while it was read: run again")


def _chunks(remote: RemoteFile, config: RemoteConfig) -> Iterator[tuple[int, bytes]]:
    """Yields (offset, bytes) of the file. After a network error it resumes where it stopped, or
    from the beginning if the server has no range requests."""
    files, path = file_system_of(remote.uri, config)
    done, failures, whole = 0, 0, False
    limit = config.chunk_mb * 10**6
    while done < remote.size:
        try:
            options = {"block_size": 0} if whole else _options(remote, limit)
            with files.open(path, "rb", **options) as stream:
                if not whole:
                    stream.seek(done)
                while done < remote.size:
                    data = stream.read(min(limit, remote.size - done))
                    if not data:
                        raise OSError(f"the body ended after {done} of {remote.size} bytes")
                    yield done, bytes(data)
                    done, failures = done + len(data), 0 if not whole else failures
        except network_errors() as error:
            failures += 1
            give_up_or_pause(remote.uri, error, failures, config)
            done = 0 if whole else done
        except ValueError as error:
            if whole or "range requests" not in str(error):
                raise
            whole, done = True, 0


def _options(remote: RemoteFile, limit: int) -> dict[str, Any]:
    if not remote.uri.startswith("http"):
        return {}
    return {"block_size": limit, "cache_type": "none", "size": remote.size}
