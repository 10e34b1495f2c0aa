"""Reads and appends people's decisions about labels in an append-only log.

``review/corrections.csv`` holds a row for each decision, oldest first; the last one about a pair is
in force. A decision belongs to the content of the pair's images: if they change, it no longer
applies but stays in the log. `labeling.corrections.log_file` writes the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Literal

from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError
from ingest.conventions.former_files import keep_former
from ingest.format.dataset import Dataset
from ingest.format.spreadsheet import from_csv, to_csv
from labeling.corrections.log_file import append_bytes, complete_rows, locked_log, starts_with
from labeling.instructions.normalisation import normalise

__all__ = [
    "Correction", "Verdict", "append_corrections", "effective_corrections", "latest_by_reviewer",
    "locked_log", "parse_corrections", "read_corrections",
]  # fmt: skip

Verdict = Literal["accept", "correct", "reject", "withdraw"]
"""accept: the machine's label is right; correct: another instruction; reject: do not train on the
pair; withdraw: all earlier decisions about the pair are void."""
_VERDICTS: dict[str, Verdict] = {
    "accept": "accept", "correct": "correct", "reject": "reject", "withdraw": "withdraw",
}  # fmt: skip
"""Verdicts as the log spells them."""

COLUMNS = (
    "pair_id", "content_hash", "verdict", "instruction", "reviewer", "note", "mask_sha256",
    "machine_instruction",
)  # fmt: skip
"""Columns of the log, in order."""
REQUIRED = tuple(name for name in COLUMNS if name != "mask_sha256")
"""Columns that every log has; logs of older versions lack `mask_sha256`."""


@dataclass(frozen=True)
class Correction:
    """One decision of one person about one pair: a row of the log."""

    pair_id: str
    content_hash: str
    """`labeling.pairs.Pair.content_hash` of the images that the person saw."""
    verdict: Verdict
    instruction: str
    """The new instruction as typed; empty for reject and withdraw."""
    reviewer: str
    note: str
    machine_instruction: str
    """The machine's instruction at the time of the decision."""
    mask_sha256: str = ""
    """Hash of the painted mask (`labeling.corrections.human_masks`); empty: the machine's mask."""

    @property
    def revision(self) -> str:
        """A hash of the row, by which the review page says which decision it showed."""
        return hashlib.sha256("\x1f".join(astuple(self)).encode()).hexdigest()[:16]

    def agrees_with(self, other: Correction) -> bool:
        """Returns True if both decisions lead to the same training sample."""
        verdicts = {self.verdict, other.verdict}
        if verdicts & {"reject", "withdraw"}:
            return len(verdicts) == 1
        return (normalise(self.instruction), self.mask_sha256) == (
            normalise(other.instruction), other.mask_sha256,
        )  # fmt: skip


def read_corrections(dataset: Dataset) -> list[Correction]:
    """Read the whole log, oldest row first; empty if there is no log.

    Raises:
        UserError: names the line that cannot be read.
    """
    path = dataset.corrections_csv
    return parse_corrections(complete_rows(path.read_bytes()), path) if path.is_file() else []


def parse_corrections(data: bytes, where: Path) -> list[Correction]:
    """Parse a log, or a header followed by some of its rows.

    Raises:
        UserError: names the line that cannot be read.
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


def effective_corrections(corrections: Iterable[Correction]) -> dict[tuple[str, str], Correction]:
    """The correction in force for each pair, by (pair id, content hash).

    It is the last one. A later row by another person that agrees with it does not replace it.
    """
    effective: dict[tuple[str, str], Correction] = {}
    for correction in corrections:
        key = (correction.pair_id, correction.content_hash)
        known = effective.get(key)
        if correction.verdict == "withdraw":
            effective.pop(key, None)
        elif (
            known is None
            or known.reviewer == correction.reviewer
            or not correction.agrees_with(known)
        ):
            effective[key] = correction
    return effective


def latest_by_reviewer(
    corrections: Iterable[Correction],
) -> dict[tuple[str, str], dict[str, Correction]]:
    """Each reviewer's last correction of each pair, by (pair id, content hash) and reviewer.

    Withdrawn corrections are left out.
    """
    latest: dict[tuple[str, str], dict[str, Correction]] = {}
    for correction in corrections:
        reviewers = latest.setdefault((correction.pair_id, correction.content_hash), {})
        reviewers[correction.reviewer] = correction
        if correction.verdict == "withdraw":
            del reviewers[correction.reviewer]
    return latest


def append_corrections(dataset: Dataset, new: Iterable[Correction]) -> None:
    """Append decisions to the log durably, all or none. Call it inside `locked_log`.

    The cost of one decision does not depend on the length of the log.
    """
    rows, path, header = [asdict(c) for c in new], dataset.corrections_csv, to_csv(COLUMNS, [])
    if not rows:
        return
    if path.is_file() and not starts_with(path, header):
        _upgrade_log(dataset)
    append_bytes(path, header, to_csv(COLUMNS, rows, header=False))


def _upgrade_log(dataset: Dataset) -> None:
    """Rewrite a log of an older version, or one that a spreadsheet saved, with `COLUMNS`.

    The old file is kept next to it, because it may hold columns that are not read.
    """
    path, rows = dataset.corrections_csv, [asdict(c) for c in read_corrections(dataset)]
    keep_former(path)
    write_bytes(path, to_csv(COLUMNS, rows))
