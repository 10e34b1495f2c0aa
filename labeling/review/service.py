"""Implements the requests of the review page as functions of JSON values, without HTTP.

Decisions are evaluated as spreadsheet rows are, and go into the same log. Each decision says what
the reviewer saw (images, machine label, decision in force). If that has changed, the decision is
refused as stale or conflicting. Decisions that are sent together are applied all or none.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict
from typing import Any

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat
from ingest.format.vocabulary import VOCABULARY
from labeling.corrections.corrections import Correction, append_corrections, locked_log
from labeling.corrections.human_masks import read_human_mask
from labeling.instructions.normalisation import normalise, read_instruction
from labeling.review.decisions import DecisionResolver
from labeling.review.image_cache import VideoCache
from labeling.review.index import QueueFilter, ReviewIndex
from labeling.review.messages import Decisions, NotApplied, NotFound
from labeling.review.rows import MAX_TEXT, describe_correction, label_hash, unusable_words

MAX_QUEUES = 16
"""Lists of pairs kept in memory; the oldest is dropped."""
MAX_WINDOW = 64
"""Most pairs in one response."""
MAX_WORDS = 200
"""Most instructions that the page suggests."""


class ReviewService:
    """The state of one review server; thread-safe."""

    def __init__(self, dataset: Dataset, reviewer: str) -> None:
        self._dataset, self.reviewer = dataset, reviewer
        self._index = ReviewIndex(dataset)
        self._videos = VideoCache(dataset)
        self._decisions = DecisionResolver(dataset, reviewer, self._index, self._videos)
        self._queues: OrderedDict[str, np.ndarray] = OrderedDict()
        self._num_queues = 0
        self._lock = threading.RLock()

    def start(self) -> dict[str, Any]:
        """The data that the page loads once: names, suggested instructions, progress."""
        with self._lock:
            self._refresh()
            used = self._index.words()
            return {
                "dataset": self._dataset.root.resolve().name,
                "reviewer": self.reviewer,
                "vocabulary": list(dict.fromkeys([*VOCABULARY, *used[:MAX_WORDS]])),
                "words": used[:MAX_WORDS],
                "progress": self._index.progress(),
            }

    def queue(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Make a list of the pairs that pass a filter; decisions do not change the list.

        Args:
            wanted: the fields of `QueueFilter`.
        """
        with self._lock:
            self._refresh()
            positions = self._index.queue(QueueFilter.model_validate(wanted))
            self._num_queues += 1
            name = f"q{self._num_queues}"
            self._queues[name] = positions
            while len(self._queues) > MAX_QUEUES:
                self._queues.popitem(last=False)
            return {"queue": name, "length": len(positions), "progress": self._index.progress()}

    def window(self, queue: str, start: int, count: int) -> dict[str, Any]:
        """At most `count` pairs of a queue, from index `start`. Raises NotFound."""
        with self._lock:
            self._refresh()
            if queue not in self._queues:
                raise NotFound("this list of pairs is gone (the server or its labels are new)")
            chosen = self._queues[queue][max(0, start) : max(0, start) + min(count, MAX_WINDOW)]
            positions = chosen.tolist()
        return {"start": start, "pairs": [self.describe(position) for position in positions]}

    def describe(self, position: int) -> dict[str, Any]:
        """Everything that the page shows of one pair; images are given by their hash."""
        with self._lock:
            label = self._index.labels[position]
            history = list(self._index.histories.get(position, ()))
            decision = self._index.decided.get(position)
            answers = self._index.answers.get(position, {})
            uri = self._index.uris.get(label.video_id, "")
        known = {
            "pair_id": label.pair_id, "video_id": label.video_id, "uri": uri,
            "machine": label.text, "unsure": label.is_unsure, "raw": label.raw_text,
            "confidence": label.confidence,
            "labeler": label.labeler, "answers": answers, "content_hash": label.content_hash,
            "label_hash": label_hash(label), "decision": _as_json(decision),
            "history": [f"{c.reviewer}: {describe_correction(c)}" for c in history], "problem": "",
        }  # fmt: skip
        try:
            pair = self._videos.pair(label.pair_id, label.video_id)
        except (UserError, NotFound) as error:
            return known | {"problem": str(error)}
        if pair.content_hash != label.content_hash:
            command = f"python -m labeling instructions {self._dataset.root}"
            return known | {"problem": f"its images changed after it was labeled: {command}"}
        hashes = {n: getattr(pair, n).reference.sha256 for n in ("current", "next", "target")}
        return known | hashes | {
            "time_s": pair.next.reference.time_s,
            "interval_s": pair.interval_s,
            "step": f"{pair.current.name} → {pair.next.name}",
        }  # fmt: skip

    def image(self, video_id: str, sha256: str) -> tuple[ImageFormat, bytes]:
        """Format and bytes of an encoded canvas, as stored in the tar. Raises NotFound."""
        self._check_video(video_id)
        canvas = self._videos.video(video_id).canvases.get(sha256)
        if canvas is None:
            raise NotFound(f"video {video_id} has no such image")
        return canvas.format, canvas.data

    def mask(self, pair_id: str, mask_sha256: str = "") -> bytes:
        """The PNG of a pair's mask: the machine's, or the painted one of this hash.

        Raises:
            NotFound: there is no such pair or mask.
        """
        position = self._position(pair_id)
        video_id = self._index.labels[position].video_id
        if mask_sha256:
            with self._lock:
                hashes = {c.mask_sha256 for c in self._index.histories.get(position, ())}
            if mask_sha256 not in hashes:
                raise NotFound(f"{pair_id} has no such mask")
            return read_human_mask(self._dataset, video_id, mask_sha256)
        region = self._videos.video(video_id).regions.get(pair_id)
        if region is None:
            raise NotFound(f"{pair_id} has no mask")
        return region.mask

    def agreement(self) -> dict[str, Any]:
        """The fields of `AgreementReport`."""
        with self._lock:
            self._refresh()
            return asdict(self._index.agreement())

    def reading(self, text: str) -> dict[str, Any]:
        """What would be stored of a typed instruction, and why it could not be (``problem``)."""
        reading = read_instruction(text[:MAX_TEXT])
        with self._lock:
            used = {word for label in self._index.words() for word in label.split(", ")}
        return {
            "stored": reading.text,
            "left_out": list(reading.left_out),
            "new_words": [word for word in reading.new_words if word not in used],
            "problem": unusable_words(text, None) if text.strip() else "",
        }

    def decide(self, body: dict[str, Any]) -> dict[str, Any]:
        """Write decisions to the log, all or none.

        Args:
            body: the fields of `Decisions`.

        Returns:
            The decision in force for each pair, and the progress.

        Raises:
            NotApplied: some decisions are invalid, stale or conflicting.
        """
        request = Decisions.model_validate(body)
        messages = [*request.decisions, *request.restored]
        with self._lock, locked_log(self._dataset):
            self._refresh()
            new: list[Correction] = []
            problems: list[dict[str, Any]] = []
            for message in messages:
                result = self._decisions.resolve(message)
                if isinstance(result, list):
                    new += result
                else:
                    position = self._index.positions.get(message.pair_id)
                    now = None if position is None else self.describe(position)
                    problems.append({"pair_id": message.pair_id, "now": now} | result)
            if problems:
                raise NotApplied(problems)
            append_corrections(self._dataset, new)
            self._refresh()
            decided = [
                (m.pair_id, self._index.decided.get(self._index.positions[m.pair_id]))
                for m in messages
            ]
            progress = self._index.progress()
        return {
            "decisions": {pair_id: _as_json(decision) for pair_id, decision in decided},
            "progress": progress,
        }

    def _position(self, pair_id: str) -> int:
        """The position of a pair in the index. Raises NotFound."""
        with self._lock:
            position = self._index.positions.get(pair_id)
        if position is None:
            raise NotFound(f"no pair {pair_id!r}")
        return position

    def _check_video(self, video_id: str) -> None:
        """Raises NotFound unless the video is known: file names are made of known ids only."""
        with self._lock:
            if video_id not in self._index.uris:
                raise NotFound(f"no video {video_id!r}")

    def _refresh(self) -> None:
        """Read new labels and decisions; queues of replaced labels are dropped."""
        if self._index.refresh():
            self._queues.clear()


def _as_json(correction: Correction | None) -> dict[str, str] | None:
    """A correction as the page gets it: with its revision, and the instruction that is stored."""
    if correction is None:
        return None
    stored = {"revision": correction.revision, "stored": normalise(correction.instruction)}
    return asdict(correction) | stored
