"""Loads all outcomes of a dataset into a temporary database, to sort and search in bounded memory.

The JSON files next to the keyframes stay the source of truth.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from ingest.format.dataset import Dataset
from ingest.format.schema import Split
from ingest.ledger.outcome import VideoOutcome, damaged_outcome, tell_left_out

_SCHEMA = """
PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -8000;
CREATE TABLE outcomes (
    video_id TEXT PRIMARY KEY, text TEXT, is_kept INTEGER, painting_id TEXT, given_split TEXT,
    look TEXT
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class KeptVideo:
    """The fields of a kept video that decide its group."""

    video_id: str
    painting_id: str
    given_split: Split | None
    fingerprint: str
    """`look` of the outcome."""


class OutcomeTable:
    """All outcomes of a dataset, read once from their files."""

    def __init__(self, dataset: Dataset) -> None:
        # An empty name gives a private temporary file, which SQLite deletes.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", _rows(dataset)
        )
        self._connection.execute("COMMIT")
        self._connection.execute("CREATE INDEX by_painting ON outcomes (is_kept, painting_id)")

    def close(self) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[VideoOutcome]:
        """Yields all outcomes, sorted by id."""
        for (text,) in self._connection.execute("SELECT text FROM outcomes ORDER BY video_id"):
            yield VideoOutcome.model_validate_json(text)

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Yields id and fingerprint of all kept videos that have one, sorted by id."""
        yield from self._connection.execute(
            "SELECT video_id, look FROM outcomes WHERE is_kept AND look != '' ORDER BY video_id"
        )

    def kept(self, video_id: str) -> KeptVideo:
        """The kept video with an id."""
        (found,) = self._kept("video_id = ?", video_id)
        return found

    def of_painting(self, painting_id: str) -> list[KeptVideo]:
        """Kept videos of a painting, sorted by id."""
        return self._kept("is_kept = 1 AND painting_id = ?", painting_id)

    def conflicting_paintings(self) -> list[str]:
        """Ids of paintings whose videos were given different splits."""
        rows = self._connection.execute(
            "SELECT painting_id FROM outcomes WHERE is_kept = 1 GROUP BY painting_id "
            "HAVING COUNT(DISTINCT given_split) > 1"
        )
        return [painting_id for (painting_id,) in rows]

    def _kept(self, condition: str, value: str) -> list[KeptVideo]:
        columns = "video_id, painting_id, given_split, look"
        statement = f"SELECT {columns} FROM outcomes WHERE {condition} ORDER BY video_id"
        return [KeptVideo(*row) for row in self._connection.execute(statement, (value,))]


def _rows(dataset: Dataset) -> Iterator[tuple[str, str, bool, str, str | None, str]]:
    """Yields the rows of the table. A damaged outcome file is told and left out."""
    with os.scandir(dataset.keyframes) as entries:
        for entry in entries:
            if not entry.name.endswith(".json") or entry.name.startswith("."):
                continue
            with open(entry.path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            try:
                o = VideoOutcome.model_validate_json(text)
            except ValidationError as error:
                tell_left_out(damaged_outcome(dataset.keyframes / entry.name, error))
                continue
            name = entry.name.removesuffix(".json")
            yield name, text, o.status == "kept", o.painting_id, o.given_split, o.look
