"""The corrections log in memory, kept up to date by reading only what was added to it.

Another page, an import or a purge may write the log at any time. What was added is read from where
reading stopped; a log that was replaced is read anew.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ingest.format.dataset import Dataset
from labeling.corrections.corrections import Correction, parse_corrections
from labeling.corrections.log_file import committed

_SEAM_BYTES = 128


@dataclass(frozen=True)
class News:
    """What a look at the log brought."""

    is_anew: bool
    """The log was replaced: `rows` are all of it, and what was known before counts no more."""
    rows: list[Correction]


class LogFollower:
    """Remembers how far the log was read."""

    def __init__(self, dataset: Dataset) -> None:
        self._path = dataset.corrections_csv
        self._stamp: tuple[int, int, int] | None = None
        self._inode, self._offset = -1, 0
        self._header = self._seam = b""

    def news(self) -> News:
        """The rows since the last look; costs one `stat` where there are none.

        Raises:
            UserError: naming the line that cannot be read.
        """
        try:
            found = self._path.stat()
        except FileNotFoundError:
            was_there = self._offset > 0
            self._stamp, self._inode, self._offset = None, -1, 0
            return News(was_there, [])
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        if stamp == self._stamp:
            return News(False, [])
        with self._path.open("rb") as file:
            # The file of this descriptor may be newer than the one that was stamped.
            inode = os.fstat(file.fileno()).st_ino
            is_same = inode == self._inode and self._seam == self._read_seam(file)
            file.seek(self._offset if is_same else 0)
            data = file.read()
        whole = committed(data) if not is_same else data[: data.rfind(b"\n") + 1]
        rows = parse_corrections((self._header if is_same else b"") + whole, self._path)
        if not is_same:
            self._header = whole[: whole.find(b"\n") + 1]
            self._offset = 0
        self._seam = ((self._seam if is_same else b"") + whole)[-_SEAM_BYTES:]
        self._offset += len(whole)
        self._inode = inode
        # What was cut off may be completed without a change of size: look again next time.
        self._stamp = stamp if len(whole) == len(data) else None
        return News(not is_same, rows)

    def _read_seam(self, file) -> bytes:
        file.seek(max(0, self._offset - len(self._seam)))
        return file.read(len(self._seam))
