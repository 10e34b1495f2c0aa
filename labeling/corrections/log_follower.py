"""Follows the corrections log: reads only the rows added since the last call.

Another review page, an import or a purge may write the log at any time. Added rows are read from
the last offset; a log that was replaced is read from its start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ingest.format.dataset import Dataset
from labeling.corrections.corrections import Correction, parse_corrections
from labeling.corrections.log_file import complete_rows

_TAIL_BYTES = 128
"""Bytes before the last offset that are compared to find out whether the log was replaced."""


@dataclass(frozen=True)
class LogUpdate:
    """Rows that were added to the log."""

    is_replaced: bool
    """Whether the log was replaced: `rows` is then the whole log, and earlier rows are void."""
    rows: list[Correction]


class LogFollower:
    """Reads a growing log in steps."""

    def __init__(self, dataset: Dataset) -> None:
        self._path = dataset.corrections_csv
        self._file_state: tuple[int, int, int] | None = None
        """Inode, size and modification time at the last call."""
        self._inode, self._offset = -1, 0
        self._header = self._tail = b""

    def read_new_rows(self) -> LogUpdate:
        """The rows since the last call; costs one `stat` if there are none.

        Raises:
            UserError: names the line that cannot be read.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            existed = self._offset > 0
            self._file_state, self._inode, self._offset = None, -1, 0
            return LogUpdate(existed, [])
        file_state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if file_state == self._file_state:
            return LogUpdate(False, [])
        with self._path.open("rb") as file:
            # The open file may be newer than the one that `stat` saw.
            inode = os.fstat(file.fileno()).st_ino
            is_same = inode == self._inode and self._tail == self._read_tail(file)
            file.seek(self._offset if is_same else 0)
            data = file.read()
        complete = complete_rows(data) if not is_same else data[: data.rfind(b"\n") + 1]
        rows = parse_corrections((self._header if is_same else b"") + complete, self._path)
        if not is_same:
            self._header = complete[: complete.find(b"\n") + 1]
            self._offset = 0
        self._tail = ((self._tail if is_same else b"") + complete)[-_TAIL_BYTES:]
        self._offset += len(complete)
        self._inode = inode
        # An incomplete row may be completed without a change of size: read again next time.
        self._file_state = file_state if len(complete) == len(data) else None
        return LogUpdate(not is_same, rows)

    def _read_tail(self, file) -> bytes:
        """The bytes before the last offset, as many as `_tail` holds."""
        file.seek(max(0, self._offset - len(self._tail)))
        return file.read(len(self._tail))
