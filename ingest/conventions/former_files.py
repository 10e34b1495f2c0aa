"""Keeps a copy of a file that people may have edited, before a command writes it anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest.conventions.atomic import write_bytes


def keep_former(path: Path) -> Path:
    """Copy a file beside itself; returns the copy, ``NAME.HASH.old.EXTENSION``.

    HASH is eight hex digits of the content, so that no copy replaces another.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()[:8]
    copy = path.with_name(f"{path.stem}.{digest}.old{path.suffix}")
    write_bytes(copy, data)
    return copy
