"""A text that changes when a local source does, from sizes and modification times (not content)."""

from __future__ import annotations

import hashlib
import os

from ingest.sources.discover import SourceRow, times_file


def local_change_tag(row: SourceRow) -> str:
    """The change tag of a local file or folder of pictures; empty if it cannot be read.

    It holds sizes and modification times (ns), as `make` and `rsync` compare them. A source is
    hashed again whenever its tag differs.
    """
    try:
        if not row.path.is_dir():
            return _file_tag(os.stat(row.path))
        digest = hashlib.sha256()
        with os.scandir(row.path) as entries:
            for name, tag in sorted((entry.name, _file_tag(entry.stat())) for entry in entries):
                digest.update(f"{name}\0{tag}\0".encode(errors="surrogateescape"))
        times = times_file(row)
        if times is not None:
            digest.update(f"{times}\0{_file_tag(os.stat(times))}".encode())
        return digest.hexdigest()[:32]
    except OSError:
        return ""


def _file_tag(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"
