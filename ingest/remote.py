"""Files behind ``s3://``, ``gs://``, ``http://`` and ``https://``: found, stamped, fetched whole.

pyarrow's file systems read S3 and Google Cloud Storage, fsspec's reads http; the toolkit needs both
anyway. Every request has a time limit, is tried a bounded number of times with
growing pauses, and what arrives is compared with the size that was promised.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import Field

from ingest.config import Config
from ingest.errors import Refusal, Unreachable

Result = TypeVar("Result")

SCHEMES = ("s3", "gs", "http", "https")
LONGEST_PAUSE_S = 20.0
DENIED = re.compile("ACCESS_DENIED|HTTP status 40[13]|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH")


class RemoteConfig(Config):
    """How remote files are read. None of it can change a byte of what is written."""

    timeout_s: float = Field(default=30.0, gt=0)
    """A request that hears nothing for so long is given up and tried again."""
    attempts: int = Field(default=5, ge=1)
    """How often a request is tried before the file counts as unreachable in this run. Amazon's own
    library tries each twice in itself, so that long listings come through."""
    pause_s: float = Field(default=0.5, ge=0)
    """Pause before the second attempt; it doubles from one attempt to the next, up to 20 s."""
    chunk_mb: int = Field(default=32, ge=1)
    """Megabytes asked for at once: what a broken connection costs, and memory taken."""
    anonymous: bool = False
    """Read public buckets without credentials."""


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
    info = _tried(uri, config, lambda files, path: files.info(path))
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

    # Asked folder by folder: fsspec's own walk takes a folder that fails for an empty one.
    pattern = re.compile(glob_translate(uri)) if is_glob(uri) else None
    top = re.split(r"[*?\[]", uri)[0].rpartition("/")[0] if pattern else uri
    deepest = uri.count("/") if pattern and "**" not in uri else sys.maxsize
    found, folders = list[str](), [top]
    while folders:
        folder = folders.pop()
        for name, is_folder in _listed(folder, config):
            if pattern.match(name.rstrip("/")) if pattern else not is_folder:
                found.append(name)
            elif is_folder and name.rstrip("/").count("/") < deepest:
                folders.append(name)
    return sorted(found)


def _listed(folder: str, config: RemoteConfig) -> list[tuple[str, bool]]:
    """Addresses of what lies directly in a folder (or of the file that it is), and which are
    folders themselves."""
    entries = _tried(folder, config, lambda files, path: files.ls(path, detail=True))
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
    files, path = _files(remote.uri, config)
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
        except _faults() as error:
            failures += 1
            _give_up_or_pause(remote.uri, error, failures, config)
            done = 0 if whole else done
        except ValueError as error:
            if whole or "range requests" not in str(error):
                raise
            whole, done = True, 0


def _options(remote: RemoteFile, limit: int) -> dict[str, Any]:
    if not remote.uri.startswith("http"):
        return {}
    return {"block_size": limit, "cache_type": "none", "size": remote.size}


def _tried(uri: str, config: RemoteConfig, ask: Callable[[Any, str], Result]) -> Result:
    """The answer to a question, asked until it comes. Raises Refusal: missing; Unreachable."""
    files, path = _files(uri, config)
    for failures in range(1, config.attempts + 1):
        try:
            return ask(files, path)
        except _faults() as error:
            _give_up_or_pause(uri, error, failures, config)
    raise AssertionError("the last attempt raises")


def _give_up_or_pause(uri: str, error: Exception, failures: int, config: RemoteConfig) -> None:
    status = getattr(error.__cause__, "status", None) or getattr(error, "status", None)
    text = " ".join(str(error).split())[:200]
    # For any fault of http fsspec says "not found", and names the real one as its cause.
    is_hidden = uri.startswith("http") and error.__cause__ is not None
    is_missing = isinstance(error, FileNotFoundError) or "NO_SUCH_BUCKET" in text
    if status in (404, 410) or (is_missing and not is_hidden):
        raise Refusal("missing", f"{uri} is not there: correct the address") from error
    if status in (401, 403) or isinstance(error, PermissionError) or DENIED.search(text):
        raise Refusal(
            "missing",
            f"{uri} may not be read: credentials are missing or wrong (S3: AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY; ingest.remote.anonymous=true for a public bucket)",
        ) from error
    if failures >= config.attempts:
        cause = f"{type(error.__cause__ or error).__name__} {text}"
        raise Unreachable(
            "unreachable",
            f"{uri} could not be read in {failures} attempts ({cause}): the next run tries again",
        ) from error
    # Many workers must not come back all at once, so the pause is drawn.
    longest = min(LONGEST_PAUSE_S, config.pause_s * 2 ** (failures - 1))
    time.sleep(longest * random.uniform(0.5, 1.0))


@functools.cache
def _faults() -> tuple[type[Exception], ...]:
    """What networks and servers do. pyarrow raises OSError for all of it."""
    import aiohttp

    return (OSError, asyncio.TimeoutError, aiohttp.ClientError)


def _files(uri: str, config: RemoteConfig) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    scheme, _, path = uri.partition("://")
    if scheme.lower().startswith("http"):
        return _http_files(config.timeout_s), uri
    if scheme.lower() == "gs":
        return _gs_files(config.timeout_s, config.anonymous), path
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    bucket = "" if endpoint else path.partition("/")[0]
    return _s3_files(config.timeout_s, config.anonymous, endpoint, bucket), path


@functools.lru_cache(maxsize=8)
def _http_files(timeout_s: float) -> Any:
    import aiohttp
    from fsspec.implementations.http import HTTPFileSystem

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)
    return HTTPFileSystem(
        client_kwargs={"timeout": timeout, "trust_env": True},
        use_listings_cache=False,
        skip_instance_cache=True,
    )


@functools.lru_cache(maxsize=64)
def _s3_files(timeout_s: float, anonymous: bool, endpoint: str | None, bucket: str) -> Any:
    """`bucket` is empty where another endpoint than Amazon's is asked: it needs no region."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow import fs

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region and bucket:
        try:
            region = fs.resolve_s3_region(bucket)
        except OSError:
            region = None  # The request itself will tell what is wrong.
    files = fs.S3FileSystem(
        anonymous=anonymous,
        region=region or "us-east-1",
        endpoint_override=endpoint,
        connect_timeout=timeout_s,
        request_timeout=timeout_s,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=2),
    )
    return ArrowFSWrapper(files, skip_instance_cache=True, use_listings_cache=False)


@functools.lru_cache(maxsize=8)
def _gs_files(timeout_s: float, anonymous: bool) -> Any:
    from datetime import timedelta

    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow import fs

    files = fs.GcsFileSystem(anonymous=anonymous, retry_time_limit=timedelta(seconds=timeout_s))
    return ArrowFSWrapper(files, skip_instance_cache=True, use_listings_cache=False)
