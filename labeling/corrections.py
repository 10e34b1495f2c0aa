"""What people said about labels: an append-only log that machines never write over.

``review/corrections.csv`` holds a row for each decision, oldest first; the last about a pair is in
force. A decision is tied to the content of the pair's images: should they change, it no longer
applies, but it stays in the log.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from ingest.atomic import write_bytes
from ingest.dataset import Dataset
from ingest.errors import UserError
from labeling.spreadsheet import from_csv, to_csv
from labeling.wording import normalise

Verdict = Literal["accept", "correct", "reject"]
"""accept: the machine was right; correct: another instruction; reject: no use for training."""
_VERDICTS: dict[str, Verdict] = {"accept": "accept", "correct": "correct", "reject": "reject"}

COLUMNS = (
    "pair_id", "content_hash", "verdict", "instruction", "reviewer", "note", "machine_instruction",
)  # fmt: skip


@dataclass(frozen=True)
class Correction:
    """One decision of one person about one pair; a row of the log."""

    pair_id: str
    content_hash: str
    """Content of the pair's images that the person saw."""
    verdict: Verdict
    instruction: str
    """The instruction that holds from now on, as typed; empty for reject."""
    reviewer: str
    note: str
    machine_instruction: str
    """What the machine had said when the person decided."""

    def says_the_same(self, other: Correction) -> bool:
        """Whether both lead to the same training sample."""
        rejects = (self.verdict == "reject", other.verdict == "reject")
        if any(rejects):
            return all(rejects)
        return normalise(self.instruction) == normalise(other.instruction)


def read_corrections(dataset: Dataset) -> list[Correction]:
    """The whole log, oldest first; empty if nobody corrected anything.

    Raises:
        UserError: naming the line that cannot be read.
    """
    path = dataset.corrections_csv
    if not path.is_file():
        return []
    rows = from_csv(path.read_bytes(), path, COLUMNS)
    corrections = []
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        verdict = _VERDICTS.get(row.get("verdict", ""))
        if verdict is None or not row.get("pair_id") or not row.get("content_hash"):
            raise UserError(
                f"{path} line {number}: expected pair_id, content_hash and a verdict of "
                f"{', '.join(_VERDICTS)}, got {row}: correct that line by hand"
            )
        text = {name: row.get(name, "") for name in COLUMNS}
        corrections.append(
            Correction(
                pair_id=text["pair_id"],
                content_hash=text["content_hash"],
                verdict=verdict,
                instruction=text["instruction"],
                reviewer=text["reviewer"],
                note=text["note"],
                machine_instruction=text["machine_instruction"],
            )
        )
    return corrections


def in_force(corrections: Iterable[Correction]) -> dict[tuple[str, str], Correction]:
    """The last decision about each pair with these images, by pair id and content hash."""
    return {(c.pair_id, c.content_hash): c for c in corrections}


def append_corrections(dataset: Dataset, new: Iterable[Correction]) -> None:
    """Add decisions to the log, all or none. Call it inside `locked_log`."""
    rows = [asdict(correction) for correction in [*read_corrections(dataset), *new]]
    write_bytes(dataset.corrections_csv, to_csv(COLUMNS, rows))


@contextlib.contextmanager
def locked_log(dataset: Dataset) -> Iterator[None]:
    """Nobody else changes the log meanwhile; two imports at once wait for each other."""
    path = dataset.corrections_csv.with_name(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
