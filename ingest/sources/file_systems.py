"""File systems of S3, Google Cloud Storage and http, with time limits and retries.

pyarrow's file systems read S3 and Google Cloud Storage, fsspec's reads http; the toolkit needs both
anyway. Every request has a time limit and is tried a bounded number of times with growing pauses.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import Refusal, Unreachable

Result = TypeVar("Result")

MAX_PAUSE_S = 20.0
"""Longest pause between two attempts, in seconds."""
ACCESS_DENIED = re.compile(
    "ACCESS_DENIED|HTTP status 40[13]|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH"
)
"""What the text of an error says when credentials are missing or wrong."""


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


def request(uri: str, config: RemoteConfig, operation: Callable[[Any, str], Result]) -> Result:
    """Returns `operation(file_system, path)`, retried after network errors.

    Raises:
        Refusal: missing. Unreachable: the last attempt failed.
    """
    files, path = file_system_of(uri, config)
    for failures in range(1, config.attempts + 1):
        try:
            return operation(files, path)
        except network_errors() as error:
            give_up_or_pause(uri, error, failures, config)
    raise AssertionError("the last attempt raises")


def give_up_or_pause(uri: str, error: Exception, failures: int, config: RemoteConfig) -> None:
    """Wait before the next attempt, or raise.

    Raises:
        Refusal: missing. Unreachable: that was the last attempt.
    """
    status = getattr(error.__cause__, "status", None) or getattr(error, "status", None)
    text = " ".join(str(error).split())[:200]
    # fsspec reports every http error as "not found", with the real error as its cause.
    is_hidden = uri.startswith("http") and error.__cause__ is not None
    is_missing = isinstance(error, FileNotFoundError) or "NO_SUCH_BUCKET" in text
    if status in (404, 410) or (is_missing and not is_hidden):
        raise Refusal("missing", f"{uri} is not there: correct the address") from error
    if status in (401, 403) or isinstance(error, PermissionError) or ACCESS_DENIED.search(text):
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
    # The pause is random, so that many workers do not retry at once.
    longest = min(MAX_PAUSE_S, config.pause_s * 2 ** (failures - 1))
    time.sleep(longest * random.uniform(0.5, 1.0))


@functools.cache
def network_errors() -> tuple[type[Exception], ...]:
    """Exceptions of network and server errors. pyarrow raises OSError for all of them."""
    import aiohttp

    return (OSError, asyncio.TimeoutError, aiohttp.ClientError)


def file_system_of(uri: str, config: RemoteConfig) -> tuple[Any, str]:
    """Returns the file system of an address, and the path in it."""
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
    """`bucket` is empty for endpoints other than Amazon's: they need no region."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow import fs

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region and bucket:
        try:
            region = fs.resolve_s3_region(bucket)
        except OSError:
            region = None  # The request itself will say what is wrong.
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
