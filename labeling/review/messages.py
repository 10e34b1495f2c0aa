"""The messages that the review page sends, and the errors that answer them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_DECISIONS = 64
"""Most decisions in one request."""


class DecisionMessage(BaseModel):
    """One decision as the page sends it."""

    model_config = ConfigDict(extra="forbid")
    pair_id: str
    content_hash: str
    label_hash: str
    seen: str = ""
    """`Correction.revision` of the decision in force that the page showed; empty if none was."""
    verdict: Literal["", "accept", "correct", "reject"] = ""
    corrected: str = ""
    note: str = ""
    mask: str | None = None
    """A painted mask in base64: one bit per pixel, row by row without padding, first pixel in the
    highest bit. None keeps the mask in force."""
    machine_mask: bool = False
    """Whether to return to the machine's mask."""


class UndoMessage(BaseModel):
    """Undo of one decision: an earlier row of the log, or no decision, is in force again."""

    model_config = ConfigDict(extra="forbid")
    pair_id: str
    content_hash: str
    seen: str
    """`Correction.revision` of the decision in force that the page showed."""
    to: str = ""
    """Revision of the earlier row; empty for no decision."""


class Decisions(BaseModel):
    """Body of a request that writes to the log."""

    model_config = ConfigDict(extra="forbid")
    decisions: list[DecisionMessage] = Field(default_factory=list, max_length=MAX_DECISIONS)
    restored: list[UndoMessage] = Field(default_factory=list, max_length=MAX_DECISIONS)


class NotApplied(Exception):
    """No decision was written; `problems` has ``status`` and ``detail`` for each refused pair."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


class NotFound(Exception):
    """There is no such pair, image or queue."""
