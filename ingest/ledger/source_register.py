"""Remembers the sources of a dataset in an SQLite file, so that the driver's memory stays bounded.

A rerun does not hash unchanged sources: a source with the same URI and change tag (size and time of
change) keeps its content id. Only the driver opens this file. It holds nothing that cannot be
computed again: delete `state/` and the next run hashes everything once more.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.conventions.errors import UserError, storage_error
from ingest.sources.discover import SourceRow

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (
    uri TEXT PRIMARY KEY, run INTEGER NOT NULL, row TEXT NOT NULL, stamp TEXT NOT NULL,
    video_id TEXT NOT NULL, identity TEXT NOT NULL, worked INTEGER NOT NULL, told INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_video ON sources (run, video_id, uri);
CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY);
"""
# Commits are atomic under kill -9. A power failure may damage the file; that is reported, and the
# file can be deleted. Without waiting for the disk a commit takes 0.1 ms, so two runs can share it.
_PRAGMAS = "PRAGMA synchronous = OFF; PRAGMA journal_mode = TRUNCATE;"


@dataclass(frozen=True)
class Entry:
    """One source of this run or an earlier one."""

    row: SourceRow
    change_tag: str
    """`ingest.sources.change_tag.local_change_tag` when it was last read; empty if unknown."""
    video_id: str
    """Content id, or the placeholder id of its outcome; empty while it is processed."""
    identity: str
    """`ingest.per_source.row_function.row_identity` of the row."""
    is_new: bool
    """Whether this run decoded it."""
    is_reported: bool
    """Whether its outcome was reported and agrees with the row, so that it is final unless another
    URI has the same content."""


class Register:
    """The sources of a dataset. Every change is committed at once; creating it begins a run."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise self._user_error(error) from error
        try:
            self._connection.executescript(_PRAGMAS + _SCHEMA)
            number = self._connection.execute("INSERT INTO runs DEFAULT VALUES").lastrowid
            self.run = int(number or 0)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise self._user_error(error) from error

    def close(self) -> None:
        self._connection.close()

    def known(self, uri: str) -> tuple[Entry, bool] | None:
        """The entry of a source, and whether this run was given it already; None if unknown."""
        found = self._all(f"SELECT {_COLUMNS}, run FROM sources WHERE uri = ?", uri)
        return (_entry(found[0]), found[0][-1] == self.run) if found else None

    def put(self, entry: Entry) -> None:
        """Insert or replace a source of this run."""
        values = (
            entry.row.uri, self.run, json.dumps(asdict(entry.row)), entry.change_tag,
            entry.video_id, entry.identity, entry.is_new, entry.is_reported,
        )  # fmt: skip
        self._all("REPLACE INTO sources VALUES (?,?,?,?,?,?,?,?)", *values)

    def forget(self, video_id: str) -> None:
        """Delete all sources with a content."""
        self._all("DELETE FROM sources WHERE video_id = ?", video_id)

    def unresolved(self) -> Iterator[list[Entry]]:
        """Yields the contents of this run that must be resolved at its end, sorted by id.

        These are contents that several sources have, or of which an outcome was not reported. Each
        is the list of all its sources, sorted by URI.
        """
        ids = self._connection.execute(
            "SELECT video_id FROM sources WHERE run = ? AND video_id != '' GROUP BY video_id "
            "HAVING COUNT(*) > 1 OR MIN(told) = 0 ORDER BY video_id",
            (self.run,),
        )
        for (video_id,) in ids:
            rows = self._all(
                f"SELECT {_COLUMNS} FROM sources WHERE run = ? AND video_id = ? ORDER BY uri",
                self.run,
                video_id,
            )
            yield [_entry(row) for row in rows]

    def _all(self, statement: str, *values: object) -> list[tuple]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._user_error(error) from error

    def _user_error(self, error: sqlite3.DatabaseError) -> UserError:
        return database_error(error, self._path)


_COLUMNS = "row, stamp, video_id, identity, worked, told"


def database_error(error: sqlite3.DatabaseError, path: Path) -> UserError:
    """The error to raise for a database that cannot be used."""
    codes = {
        sqlite3.SQLITE_FULL: 28,  # ENOSPC
        sqlite3.SQLITE_READONLY: 30,  # EROFS
        sqlite3.SQLITE_CANTOPEN: 13,  # EACCES
        sqlite3.SQLITE_IOERR: 5,  # EIO
    }
    code = codes.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    known = storage_error(OSError(code, str(error)), path) if code else None
    advice = "another run works on this dataset, or the file is damaged: wait for it, or delete it"
    return known or UserError(f"{path} cannot be used ({error}): {advice}")


def _entry(row: tuple) -> Entry:
    source = SourceRow(**json.loads(row[0]))
    return Entry(source, row[1], row[2], row[3], bool(row[4]), bool(row[5]))
