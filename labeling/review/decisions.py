"""Turns a decision from the review page into rows of the corrections log, or refuses it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.corrections.corrections import Correction
from labeling.corrections.human_masks import store_human_mask
from labeling.review.image_cache import VideoCache
from labeling.review.index import ReviewIndex
from labeling.review.messages import DecisionMessage, NotFound, UndoMessage
from labeling.review.rows import PairState, describe_correction, evaluate_row


class DecisionResolver:
    """Compares decisions with the current state of their pairs; not thread-safe."""

    def __init__(
        self, dataset: Dataset, reviewer: str, index: ReviewIndex, videos: VideoCache
    ) -> None:
        self._dataset, self._reviewer = dataset, reviewer
        self._index, self._videos = index, videos

    def resolve(self, message: DecisionMessage | UndoMessage) -> list[Correction] | dict[str, str]:
        """The rows to append to the log, or the ``status`` and ``detail`` of a refusal."""
        if isinstance(message, DecisionMessage):
            return self._decide(message)
        return self._restore(message)

    def _decide(self, message: DecisionMessage) -> list[Correction] | dict[str, str]:
        known, current, problem = self._compare_with_seen(message)
        if problem:
            return problem
        assert known is not None
        cells = message.model_dump(include={"pair_id", "content_hash", "label_hash", "corrected",
                                            "verdict", "note"})  # fmt: skip
        result = evaluate_row(cells, known, self._reviewer)
        if not isinstance(result, Correction):
            return {"status": result[0], "detail": result[1]}
        if result.verdict == "reject":
            return [] if current and _is_repeated(result, current) else [result]
        mask = current.mask_sha256 if current and not message.machine_mask else ""
        if message.mask is not None:
            try:
                mask = self._store_mask(message, known)
            except (ValueError, binascii.Error) as error:
                return {"status": "invalid", "detail": f"the painted mask: {error}"}
        correction = replace(result, mask_sha256=mask)
        return [] if current and _is_repeated(correction, current) else [correction]

    def _restore(self, message: UndoMessage) -> list[Correction] | dict[str, str]:
        _, current, problem = self._compare_with_seen(message)
        if problem:
            return problem
        history = self._index.histories.get(self._index.positions[message.pair_id], [])
        earlier = next((c for c in history if c.revision == message.to), None)
        if message.to and earlier is None:
            return {"status": "unknown", "detail": "there is no such earlier decision"}
        if current is None and earlier is None:
            return []
        withdrawal = Correction(
            pair_id=message.pair_id, content_hash=message.content_hash, verdict="withdraw",
            instruction="", reviewer=self._reviewer, note="",
            machine_instruction=history[-1].machine_instruction,
        )  # fmt: skip
        if earlier is None:
            return [withdrawal]
        # Another reviewer's decision is restored in their name, after this reviewer's withdrawal.
        return [earlier] if earlier.reviewer == self._reviewer else [withdrawal, earlier]

    def _compare_with_seen(
        self, message: DecisionMessage | UndoMessage
    ) -> tuple[PairState | None, Correction | None, dict[str, str] | None]:
        """Compare what the page showed of a pair with its current state.

        Returns:
            The current state, the decision in force, and the reason to refuse the message, if any.
        """
        position = self._index.positions.get(message.pair_id)
        if position is None:
            detail = f"no pair {message.pair_id!r} in this dataset"
            return None, None, {"status": "unknown", "detail": detail}
        label = self._index.labels[position]
        try:
            content = self._videos.pair(label.pair_id, label.video_id).content_hash
        except (UserError, NotFound) as error:
            return None, None, {"status": "stale", "detail": str(error)}
        if message.content_hash != content:
            return None, None, {"status": "stale", "detail": "the images changed: look again"}
        current = self._index.decided.get(position)
        if message.seen != (current.revision if current else ""):
            event = (
                f"{current.reviewer} said {describe_correction(current)}"
                if current
                else "it was undone"
            )
            problem = {"status": "conflicting", "detail": f"meanwhile {event}: decide again"}
            return None, current, problem
        return PairState(label, content), current, None

    def _store_mask(self, message: DecisionMessage, known: PairState) -> str:
        """Store the painted mask of a decision and return its hash.

        Raises:
            ValueError, binascii.Error: it is not base64, or not of the size of the images.
        """
        video_id = known.label.video_id
        region = self._videos.video(video_id).regions[message.pair_id]
        height, width = region.masks(f"regions of {video_id}")[0].shape
        bits = base64.b64decode(message.mask or "", validate=True)
        if len(bits) != (height * width + 7) // 8:
            raise ValueError(f"{len(bits)} bytes, expected one bit for each of {width} x {height}")
        pixels = np.unpackbits(np.frombuffer(bits, np.uint8), count=height * width)
        return store_human_mask(self._dataset, video_id, pixels.reshape(height, width) > 0)


def _is_repeated(new: Correction, current: Correction) -> bool:
    """Returns True if a reviewer repeats their own decision without a new note."""
    is_same = (new.reviewer, new.note or current.note) == (current.reviewer, current.note)
    return is_same and new.agrees_with(current)
