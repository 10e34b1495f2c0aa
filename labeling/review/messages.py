"""What the review page sends, and the two ways in which it is not done as asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_DECISIONS = 64


class Said(BaseModel):
    """One decision as the page sends it."""

    model_config = ConfigDict(extra="forbid")
    pair_id: str
    content_hash: str
    label_hash: str
    seen: str = ""
    """Revision of the decision that was in force on the page; empty if none was."""
    verdict: Literal["", "accept", "correct", "reject"] = ""
    corrected: str = ""
    note: str = ""
    mask: str | None = None
    """Base64 of a painted mask: one bit a pixel, rows joined, first pixel highest; None: as is."""
    machine_mask: bool = False
    """Whether the machine's mask holds again."""


class Restored(BaseModel):
    """Undo of one decision: the pair goes back to an earlier row of the log, or to none."""

    model_config = ConfigDict(extra="forbid")
    pair_id: str
    content_hash: str
    seen: str
    to: str = ""


class Decisions(BaseModel):
    """Body of a request that writes to the log."""

    model_config = ConfigDict(extra="forbid")
    decisions: list[Said] = Field(default_factory=list, max_length=MAX_DECISIONS)
    restored: list[Restored] = Field(default_factory=list, max_length=MAX_DECISIONS)


class NotApplied(Exception):
    """Why nothing was written: status and words for each pair that stood in the way."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


class NotFound(Exception):
    """No such pair, image or queue."""
