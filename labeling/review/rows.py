"""One row of a reviewer's spreadsheet: the decision in it, or why there is none.

The review page asks the same questions of what is typed there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labeling.corrections.corrections import Correction, Verdict
from labeling.instructions.table import Instruction
from labeling.instructions.wording import normalise
from labeling.review.export import label_hash

Status = Literal["applied", "unchanged", "stale", "unknown", "conflicting", "invalid"]
"""applied: written to the log. unchanged: nothing entered, or said before. stale: images or machine
label changed since the export. unknown: no such pair. conflicting: another reviewer, or another row
of this import, says otherwise. invalid: the row contradicts itself or lacks something."""
STATUSES: tuple[Status, ...] = (
    "applied", "unchanged", "stale", "unknown", "conflicting", "invalid",
)  # fmt: skip
DONE: tuple[Status, ...] = ("applied", "unchanged")

_VERDICTS: dict[str, Verdict | Literal[""]] = {
    "": "", "accept": "accept", "accepted": "accept", "ok": "accept", "correct": "correct",
    "corrected": "correct", "reject": "reject", "rejected": "reject", "withdraw": "withdraw",
    "withdrawn": "withdraw",
}  # fmt: skip
MAX_TEXT = 2000
"""Characters of a note or instruction; more is no label but something pasted by mistake."""
_REWRITTEN = re.compile(r"(true|false)|[\d\W]+|\d.*|.*\d{2,}", re.IGNORECASE)
"""What a label may look like after a spreadsheet took it for a number, a date or a truth value."""


@dataclass(frozen=True)
class Known:
    """What the dataset knows about the pair of a row, as it is now."""

    label: Instruction
    content_hash: str
    """Of the images as they lie in the dataset; the label's may be of older ones."""


def judge_row(
    row: Mapping[str, str], known: Known | None, reviewer: str
) -> Correction | tuple[Status, str]:
    """The decision in a row, or its status and the reason in words."""
    typed, note = row.get("corrected", ""), row.get("note", "")
    verdict = _VERDICTS.get(row.get("verdict", "").casefold())
    if verdict is None:
        expected = "accept, correct, reject, withdraw or nothing"
        return "invalid", f"verdict {row['verdict']!r}, expected {expected}"
    if not (typed or verdict):
        return _nothing_entered(row, note, known)
    if known is None:
        return "unknown", f"no pair {row.get('pair_id', '')!r} in this dataset"
    label = known.label.text
    if row.get("content_hash") != known.content_hash:
        return "stale", "the images changed since the export: export again and look at them"
    if not _is_about(row, known.label):
        return "stale", f"the machine label is now {label!r}: export again"
    problem = contradiction(verdict, typed, label) or too_long(typed, note)
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


def contradiction(verdict: str, typed: str, label: str) -> str:
    """What is wrong with a verdict and a typed instruction together; empty if nothing is."""
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


def too_long(*texts: str) -> str:
    """What is wrong with the length of texts; empty if nothing is."""
    longest = max(map(len, texts))
    if longest > MAX_TEXT:
        return f"a text of {longest} characters, expected at most {MAX_TEXT}"
    return ""


def in_words(correction: Correction) -> str:
    """A decision as messages name it."""
    text = repr(correction.instruction) if correction.instruction else correction.verdict
    return text + (" with a painted mask" if correction.mask_sha256 else "")


def _nothing_entered(row: Mapping[str, str], note: str, known: Known | None) -> tuple[Status, str]:
    """A row without a decision; not if something was written where it has no effect."""
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


def _is_about(row: Mapping[str, str], label: Instruction) -> bool:
    """Whether the row was exported with this machine label."""
    if "label_hash" in row:
        return row["label_hash"] == label_hash(label)
    return normalise(row.get("machine_label", "")) == normalise(label.text)
