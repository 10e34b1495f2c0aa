"""A cheap mark that changes when a source does: sizes and times of change, without reading it."""

from __future__ import annotations

import hashlib
import os

from ingest.sources.discover import SourceRow, times_file


def stamp_of(row: SourceRow) -> str:
    """The stamp of a local file or folder of pictures; empty if that cannot be told.

    Size and time of change (ns), as `make` and `rsync` do. Content is hashed whenever it differs.
    """
    try:
        if not row.path.is_dir():
            return _of(os.stat(row.path))
        digest = hashlib.sha256()
        with os.scandir(row.path) as entries:
            for name, mark in sorted((entry.name, _of(entry.stat())) for entry in entries):
                digest.update(f"{name}\0{mark}\0".encode())
        times = times_file(row)
        if times is not None:
            digest.update(f"{times}\0{_of(os.stat(times))}".encode())
        return digest.hexdigest()[:32]
    except OSError:
        return ""


def _of(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"
