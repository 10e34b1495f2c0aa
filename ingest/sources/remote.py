"""Files behind ``s3://``, ``gs://``, ``http://`` and ``https://``: found, stamped, fetched whole.

What arrives is compared with the size that was promised, and a file that changes meanwhile is not
taken.
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
from ingest.sources.stores import RemoteConfig, ask, faults, files_of, give_up_or_pause

SCHEMES = ("s3", "gs", "http", "https")


@dataclass(frozen=True)
class RemoteFile:
    """What a store tells of a file without sending it."""

    uri: str
    size: int
    mark: str
    """ETag or time of change; empty if the server tells neither."""

    @property
    def stamp(self) -> str:
        """Changes when the file does; empty if that cannot be told."""
        return f"{self.size}-{self.mark}" if self.mark else ""


def is_remote(text: str) -> bool:
    """Whether it names something on another machine (`file://` does not)."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def local_path(text: str) -> Path:
    """The path of a local input, given as a path or as ``file://``."""
    return Path(unquote(urlsplit(text).path) if text.startswith("file://") else text)


def join(folder: str, text: str) -> str:
    """`text` beside what stands in the remote `folder`; an address of its own stays as it is."""
    return text if "://" in text else f"{folder.rstrip('/')}/{text}"


def is_glob(uri: str) -> bool:
    """Whether an address is a pattern; in http the signs ? and [ belong to queries and hosts."""
    return "*" in uri or (not uri.startswith("http") and ("[" in uri or "?" in uri))


def name_of(uri: str) -> str:
    """The last part of an address, without query: the file's name."""
    path = urlsplit(uri).path if uri.startswith("http") else uri
    return path.rstrip("/").rpartition("/")[2]


def stat(uri: str, config: RemoteConfig) -> RemoteFile | None:
    """What is known of a file; None for a folder. Raises Refusal: missing; Unreachable."""
    info = ask(uri, config, lambda files, path: files.info(path))
    if info.get("type") == "directory":
        return None
    if info.get("size") is None:
        raise Refusal("no-size", f"{uri}: the server tells no size: download it and give the file")
    marks = (info.get("ETag"), info.get("Last-Modified"), info.get("mtime"))
    return RemoteFile(uri, int(info["size"]), next((str(mark) for mark in marks if mark), ""))


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
    # Asked folder by folder: fsspec's own walk takes a folder that fails for an empty one.
    folders = [top]
    while folders:
        for name, is_folder in _listed(folders.pop(), config):
            yield name, is_folder
            if is_folder and name.rstrip("/").count("/") < deepest:
                folders.append(name)


def _gs_walk(top: str, config: RemoteConfig) -> Iterator[tuple[str, bool]]:
    """All at once: asked for one level, Arrow leaves out folders (apache/arrow issue 35993)."""
    from pyarrow.fs import FileSelector, FileType

    selector = FileSelector(top.removeprefix("gs://").rstrip("/"), recursive=True)
    infos = ask(top, config, lambda files, _: files.fs.get_file_info(selector))
    folders = set[str]()
    for info in infos:
        if info.type == FileType.File:
            yield f"gs://{info.path}", False
            folders.update(f"gs://{parent}" for parent in PurePosixPath(info.path).parents)
    base = top.rstrip("/") + "/"
    yield from ((folder, True) for folder in folders if folder.startswith(base))


def _listed(folder: str, config: RemoteConfig) -> list[tuple[str, bool]]:
    """Addresses of what lies directly in a folder (or of the file that it is), and which are
    folders themselves."""
    entries = ask(folder, config, lambda files, path: files.ls(path, detail=True))
    scheme = "" if folder.startswith("http") else folder.partition("://")[0] + "://"
    listed = [(scheme + entry["name"], entry["type"] == "directory") for entry in entries]
    # Index pages also link upwards and elsewhere.
    return [(name, is_folder) for name, is_folder in listed if name.startswith(folder)]


def fetch(remote: RemoteFile, target: Path, config: RemoteConfig) -> None:
    """Write a remote file to a local one, or raise and leave a part of it.

    Raises:
        Refusal: missing. Unreachable: it did not come whole, or changed meanwhile.
        OSError: `target` cannot be written.
    """
    with target.open("wb") as file:
        for offset, data in _chunks(remote, config):
            file.seek(offset)
            file.write(data)
    if stat(remote.uri, config) != remote:
        raise Unreachable("unreachable", f"{remote.uri} changed while it was read: run again")


def _chunks(remote: RemoteFile, config: RemoteConfig) -> Iterator[tuple[int, bytes]]:
    """The file in pieces with their offsets. After a fault it goes on where it stopped, or, if the
    server cannot start in the middle, from the beginning."""
    files, path = files_of(remote.uri, config)
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
        except faults() as error:
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
