"""Reads the bytes of samples from a disk or a server, one read (range request) per sample."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

from ingest.conventions.errors import Refusal, UserError
from ingest.sources.file_systems import RemoteConfig, request

MAX_OPEN_FILES = 64
"""Number of local shards at most that are open at once."""


def read_whole(location: str, remote: RemoteConfig) -> bytes:
    """The bytes of a file or remote object. Raises FileNotFoundError, or UserError if the server
    fails."""
    if "://" not in location:
        return Path(location).read_bytes()
    return _fetched_bytes(location, remote, None)


class SampleSource:
    """Reads byte ranges of shards; keeps at most `MAX_OPEN_FILES` files open. Thread-safe."""

    def __init__(self, remote: RemoteConfig) -> None:
        self._remote = remote
        self._open: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def read(self, location: str, offset: int, num_bytes: int) -> bytes:
        """The bytes of a range; fewer if the file ends before.

        Raises:
            UserError: the shard is not there, or its server does not answer.
        """
        if "://" not in location:
            # Under the lock: another thread may close the file to make room.
            with self._lock:
                return os.pread(self._descriptor(location), num_bytes, offset)
        try:
            data = _fetched_bytes(location, self._remote, (offset, num_bytes))
        except FileNotFoundError:
            raise UserError(f"{location} is missing: upload the shards again") from None
        # A server that knows no ranges sends the whole file.
        return data if len(data) <= num_bytes else data[offset : offset + num_bytes]

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1])

    def _descriptor(self, location: str) -> int:
        if location in self._open:
            self._open.move_to_end(location)
            return self._open[location]
        while len(self._open) >= MAX_OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        try:
            self._open[location] = os.open(location, os.O_RDONLY)
        except FileNotFoundError:
            raise UserError(
                f"{location} is missing: run `python -m labeling shards` again"
            ) from None
        return self._open[location]


def _fetched_bytes(location: str, remote: RemoteConfig, span: tuple[int, int] | None) -> bytes:
    def read_file(files: Any, path: str) -> bytes:
        if location.startswith("http"):
            start, end = (None, None) if span is None else (span[0], span[0] + span[1])
            return bytes(files.cat_file(path, start=start, end=end))
        with files.fs.open_input_file(path) as file:
            return file.read() if span is None else file.read_at(span[1], span[0])

    try:
        return request(location, remote, read_file)
    except Refusal as refusal:
        if refusal.reason == "missing" and "is not there" in refusal.detail:
            raise FileNotFoundError(location) from refusal
        raise UserError(refusal.detail) from refusal
