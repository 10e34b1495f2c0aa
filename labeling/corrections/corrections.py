"""What people said about labels: an append-only log that machines never write over.

``review/corrections.csv`` holds a row for each decision, oldest first; the last about a pair is in
force. A decision is tied to the content of the pair's images: should they change, it no longer
applies, but it stays in the log. How its bytes are kept whole is in
`labeling.corrections.corrections.log_file`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Literal

from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import sha256
from labeling.corrections.log_file import append_bytes, begins_with, committed, locked_log
from labeling.corrections.spreadsheet import from_csv, to_csv
from labeling.instructions.wording import normalise

__all__ = [
    "Correction", "Verdict", "append_corrections", "by_reviewer", "in_force", "locked_log",
    "parse_corrections", "read_corrections",
]  # fmt: skip

Verdict = Literal["accept", "correct", "reject", "withdraw"]
"""accept: the machine was right; correct: another instruction; reject: no use for training;
withdraw: nothing said before holds, the pair is the machine's again."""
_VERDICTS: dict[str, Verdict] = {
    "accept": "accept", "correct": "correct", "reject": "reject", "withdraw": "withdraw",
}  # fmt: skip

COLUMNS = (
    "pair_id", "content_hash", "verdict", "instruction", "reviewer", "note", "mask_sha256",
    "machine_instruction",
)  # fmt: skip
REQUIRED = tuple(name for name in COLUMNS if name != "mask_sha256")
"""Columns that every log has; those before masks could be corrected lack the other."""


@dataclass(frozen=True)
class Correction:
    """One decision of one person about one pair; a row of the log."""

    pair_id: str
    content_hash: str
    """Content of the pair's images that the person saw."""
    verdict: Verdict
    instruction: str
    """The instruction that holds from now on, as typed; empty for reject and withdraw."""
    reviewer: str
    note: str
    machine_instruction: str
    """What the machine had said when the person decided."""
    mask_sha256: str = ""
    """Hash of the mask that a person painted (`labeling.corrections.human_masks`); empty: the
    machine's."""

    @property
    def revision(self) -> str:
        """Names this row among all rows about the pair, so that a page can say what it saw."""
        return hashlib.sha256("\x1f".join(astuple(self)).encode()).hexdigest()[:16]

    def says_the_same(self, other: Correction) -> bool:
        """Whether both lead to the same training sample."""
        verdicts = {self.verdict, other.verdict}
        if verdicts & {"reject", "withdraw"}:
            return len(verdicts) == 1
        return (normalise(self.instruction), self.mask_sha256) == (
            normalise(other.instruction), other.mask_sha256,
        )  # fmt: skip


def read_corrections(dataset: Dataset) -> list[Correction]:
    """The whole log, oldest first; empty if nobody corrected anything.

    Raises:
        UserError: naming the line that cannot be read.
    """
    path = dataset.corrections_csv
    return parse_corrections(committed(path.read_bytes()), path) if path.is_file() else []


def parse_corrections(data: bytes, where: Path) -> list[Correction]:
    """The rows of a log, or of the part of one that begins with its header.

    Raises:
        UserError: naming the line that cannot be read.
    """
    corrections = []
    for number, row in enumerate(from_csv(data, where, REQUIRED), start=2):
        if not row:
            continue
        verdict = _VERDICTS.get(row.get("verdict", ""))
        if verdict is None or not row.get("pair_id") or not row.get("content_hash"):
            raise UserError(
                f"{where} line {number}: expected pair_id, content_hash and a verdict of "
                f"{', '.join(_VERDICTS)}, got {row}: correct that line by hand"
            )
        text = {name: row.get(name, "") for name in COLUMNS if name != "verdict"}
        corrections.append(Correction(verdict=verdict, **text))
    return corrections


def in_force(corrections: Iterable[Correction]) -> dict[tuple[str, str], Correction]:
    """The decision that holds about each pair with these images, by pair id and content hash.

    It is the last one; a row by another person that says the same only confirms it.
    """
    holds: dict[tuple[str, str], Correction] = {}
    for said in corrections:
        key = (said.pair_id, said.content_hash)
        known = holds.get(key)
        if said.verdict == "withdraw":
            holds.pop(key, None)
        elif known is None or known.reviewer == said.reviewer or not said.says_the_same(known):
            holds[key] = said
    return holds


def by_reviewer(
    corrections: Iterable[Correction],
) -> dict[tuple[str, str], dict[str, Correction]]:
    """Each person's last decision about each pair with these images, but for withdrawn ones."""
    found: dict[tuple[str, str], dict[str, Correction]] = {}
    for said in corrections:
        people = found.setdefault((said.pair_id, said.content_hash), {})
        people[said.reviewer] = said
        if said.verdict == "withdraw":
            del people[said.reviewer]
    return found


def append_corrections(dataset: Dataset, new: Iterable[Correction]) -> None:
    """Add decisions to the log, all or none, durably. Call it inside `locked_log`.

    The cost of one decision does not grow with the log.
    """
    rows, path, header = [asdict(c) for c in new], dataset.corrections_csv, to_csv(COLUMNS, [])
    if not rows:
        return
    if path.is_file() and not begins_with(path, header):
        _write_in_todays_form(dataset)
    append_bytes(path, header, to_csv(COLUMNS, rows, header=False))


def _write_in_todays_form(dataset: Dataset) -> None:
    """Give a log of an earlier version, or one that a spreadsheet saved, today's columns.

    The file as it was stays beside it: it may hold more than we read.
    """
    path = dataset.corrections_csv
    old, rows = path.read_bytes(), [asdict(c) for c in read_corrections(dataset)]
    write_bytes(path.with_name(f"corrections.{sha256(old)[:8]}.old.csv"), old)
    write_bytes(path, to_csv(COLUMNS, rows))
