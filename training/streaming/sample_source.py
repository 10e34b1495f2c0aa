"""The bytes of samples, from a disk or a server: one read (a range request) a sample."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

from ingest.conventions.errors import Refusal, UserError
from ingest.sources.stores import RemoteConfig, ask

MAX_OPEN_FILES = 64


def read_whole(place: str, remote: RemoteConfig) -> bytes:
    """A file or remote object. Raises FileNotFoundError; UserError: the server fails."""
    if "://" not in place:
        return Path(place).read_bytes()
    return _answered(place, remote, None)


class SampleSource:
    """Reads ranges of shards; keeps a bounded number of files open. Threads may share it."""

    def __init__(self, remote: RemoteConfig) -> None:
        self._remote = remote
        self._open: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def read(self, place: str, offset: int, num_bytes: int) -> bytes:
        """The bytes of a range; fewer where the file ends before.

        Raises:
            UserError: the shard is not there, or its server does not answer.
        """
        if "://" not in place:
            # Under the lock: another thread may close the file to make room.
            with self._lock:
                return os.pread(self._descriptor(place), num_bytes, offset)
        try:
            data = _answered(place, self._remote, (offset, num_bytes))
        except FileNotFoundError:
            raise UserError(f"{place} is missing: upload the shards again") from None
        # A server that knows no ranges sends the whole file.
        return data if len(data) <= num_bytes else data[offset : offset + num_bytes]

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1])

    def _descriptor(self, place: str) -> int:
        if place in self._open:
            self._open.move_to_end(place)
            return self._open[place]
        while len(self._open) >= MAX_OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        try:
            self._open[place] = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            raise UserError(f"{place} is missing: run `python -m labeling shards` again") from None
        return self._open[place]


def _answered(place: str, remote: RemoteConfig, span: tuple[int, int] | None) -> bytes:
    def question(files: Any, path: str) -> bytes:
        if place.startswith("http"):
            start, end = (None, None) if span is None else (span[0], span[0] + span[1])
            return bytes(files.cat_file(path, start=start, end=end))
        with files.fs.open_input_file(path) as file:
            return file.read() if span is None else file.read_at(span[1], span[0])

    try:
        return ask(place, remote, question)
    except Refusal as refusal:
        if refusal.reason == "missing" and "is not there" in refusal.detail:
            raise FileNotFoundError(place) from refusal
        raise UserError(refusal.detail) from refusal
