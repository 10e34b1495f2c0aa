"""Parses one row of a reviewer's spreadsheet: the correction in it, or why there is none.

The review page uses the same rules for its input.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from labeling.corrections.corrections import Correction, Verdict
from labeling.instructions.normalisation import normalise, read_instruction
from labeling.instructions.table import Instruction

Status = Literal["applied", "unchanged", "stale", "unknown", "conflicting", "invalid"]
"""applied: written to the log. unchanged: nothing was entered, or nothing new. stale: images or
machine label changed since the export. unknown: no such pair. conflicting: another reviewer, or
another row of this import, disagrees. invalid: the row contradicts itself or is incomplete."""
STATUSES: tuple[Status, ...] = (
    "applied", "unchanged", "stale", "unknown", "conflicting", "invalid",
)  # fmt: skip
"""All values of `Status`, in the order of reports."""
RESOLVED_STATUSES: tuple[Status, ...] = ("applied", "unchanged")
"""Statuses of rows that need no further work."""

VERDICTS: dict[str, Verdict | Literal[""]] = {
    "": "", "accept": "accept", "accepted": "accept", "ok": "accept", "correct": "correct",
    "corrected": "correct", "reject": "reject", "rejected": "reject", "withdraw": "withdraw",
    "withdrawn": "withdraw",
}  # fmt: skip
"""The verdict for each accepted spelling, in lower case."""
MAX_TEXT = 2000
"""Longest note or instruction in characters; longer text was pasted by mistake."""
_REWRITTEN = re.compile(r"(true|false)|[\d\W]+|\d.*|.*\d{2,}", re.IGNORECASE)
"""A label that a spreadsheet converted to a number, a date or a truth value."""


@dataclass(frozen=True)
class PairState:
    """The current state of a pair in the dataset."""

    label: Instruction
    content_hash: str
    """Hash of the current images; the label may belong to older images."""


def label_hash(label: Instruction) -> str:
    """A hash of the machine label and its pair, which identifies the label in an imported row.

    A spreadsheet may rewrite the label (``true``, ``may 1``, ``007``). It does not rewrite this
    hash, because it begins with a letter that no number contains.
    """
    text = "\x1f".join((label.pair_id, label.content_hash, label.text))
    return "m" + hashlib.sha256(text.encode()).hexdigest()[:15]


def evaluate_row(
    row: Mapping[str, str],
    known: PairState | None,
    reviewer: str,
    words: Collection[str] | None = None,
) -> Correction | tuple[Status, str]:
    """Evaluate a row.

    Args:
        row: cells by column name.
        known: the pair that the row names; None if there is no such pair.
        reviewer: name to use if the reviewer cell is empty.
        words: what may be stored besides the vocabulary; None: any word.

    Returns:
        The correction in the row, or a status with its reason in words.
    """
    typed, note = row.get("corrected", ""), row.get("note", "")
    verdict = VERDICTS.get(row.get("verdict", "").casefold())
    if verdict is None:
        expected = "accept, correct, reject, withdraw or nothing"
        return "invalid", f"verdict {row['verdict']!r}, expected {expected}"
    if not (typed or verdict):
        return _empty_row_status(row, note, known)
    if known is None:
        return "unknown", f"no pair {row.get('pair_id', '')!r} in this dataset"
    label = known.label.text
    if row.get("content_hash") != known.content_hash:
        return "stale", "the images changed since the export: export again and look at them"
    if not _matches_label(row, known.label):
        return "stale", f"the machine label is now {label!r}: export again"
    problem = (
        _contradiction(verdict, typed, label)
        or _excess_length(typed, note)
        or unusable_words(typed, words)
    )
    if problem:
        return "invalid", problem
    name = row.get("reviewer", "") or reviewer
    if not name:
        return "invalid", "no reviewer: fill the column, or give --reviewer NAME"
    verdict = verdict or ("accept" if normalise(typed) == label else "correct")
    instruction = {"accept": label, "correct": typed}.get(verdict, "")
    return Correction(
        row["pair_id"], row["content_hash"], verdict, instruction, name, note, label
    )  # fmt: skip


def _contradiction(verdict: str, typed: str, label: str) -> str:
    """Why a verdict and a typed instruction contradict each other; empty if they do not."""
    if verdict in ("reject", "withdraw") and typed:
        return f"{verdict} and corrected to {typed!r} at once: keep one of the two"
    if verdict == "accept" and typed and normalise(typed) != label:
        return f"accepted and corrected to {typed!r} at once: keep one of the two"
    if verdict == "accept" and not label:
        return "there is no machine label to accept: type one"
    if verdict == "correct" and not typed:
        return "verdict correct without a corrected instruction"
    if typed and not normalise(typed):
        return f"{typed!r} names nothing: write one or two words"
    return ""


def _excess_length(*texts: str) -> str:
    """A message if one of the texts is longer than `MAX_TEXT`, else an empty string."""
    longest = max(map(len, texts))
    if longest > MAX_TEXT:
        return f"a text of {longest} characters, expected at most {MAX_TEXT}"
    return ""


def unusable_words(typed: str, words: Collection[str] | None) -> str:
    """Why a typed instruction cannot be stored; empty if it can, or if nothing was typed."""
    reading = read_instruction(typed)
    if typed and not any(map(str.isalpha, reading.text)):
        return f"{typed!r} is a number or a date, expected words: a spreadsheet may have made it"
    new = [word for word in reading.new_words if words is not None and word not in words]
    if new:
        return (
            f"{typed!r} would be stored as {reading.text!r}, and {', '.join(map(repr, new))} is "
            "not in the vocabulary: write one of its words, or import with --new-words"
        )
    return ""


def describe_correction(correction: Correction) -> str:
    """The verdict of a correction, or its instruction as typed and as stored, for messages."""
    text = describe_reading(correction.instruction) or correction.verdict
    return text + (" with a painted mask" if correction.mask_sha256 else "")


def describe_reading(typed: str) -> str:
    """A typed instruction, and what is stored of it if that differs: ``'Skies' -> 'sky'``."""
    if not typed:
        return ""
    reading = read_instruction(typed)
    stored = f" -> {reading.text!r}" if reading.text != typed else ""
    left_out = f" (left out: {', '.join(reading.left_out)})" if reading.left_out else ""
    return repr(typed) + stored + left_out


def _empty_row_status(
    row: Mapping[str, str], note: str, known: PairState | None
) -> tuple[Status, str]:
    """The status of a row without a decision.

    It is invalid if something was entered in a column where it has no effect.
    """
    if note:
        return "invalid", "a note without verdict: accept, correct or reject the pair"
    cell = row.get("machine_label", "")
    if known is not None and row.get("label_hash") == label_hash(known.label):
        is_edited = normalise(cell) != normalise(known.label.text)
        if is_edited and cell and not _REWRITTEN.fullmatch(cell):
            return "invalid", (
                f"machine_label was changed to {cell!r}, it is {known.label.text!r}: write what is "
                "right into corrected"
            )
    return "unchanged", "nothing entered"


def _matches_label(row: Mapping[str, str], label: Instruction) -> bool:
    """Returns True if the row was exported with this machine label."""
    if "label_hash" in row:
        return row["label_hash"] == label_hash(label)
    return normalise(row.get("machine_label", "")) == normalise(label.text)
