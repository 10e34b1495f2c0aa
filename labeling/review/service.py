"""What the review page can ask and say, as plain functions of JSON values: no HTTP in here.

Decisions go through the same judgement as spreadsheet rows and into the same log. Every one says
what the reviewer saw (images, machine label, decision in force); if that is not so any more it is
told as stale or conflicting, and of several decisions made together all are applied or none.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections import OrderedDict
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat
from ingest.format.vocabulary import VOCABULARY
from labeling.corrections.corrections import Correction, append_corrections, locked_log
from labeling.corrections.human_masks import read_human_mask, store_human_mask
from labeling.pairs import Pair
from labeling.review.export import label_hash
from labeling.review.index import QueueFilter, ReviewIndex
from labeling.review.messages import Decisions, NotApplied, NotFound, Restored, Said
from labeling.review.pictures import Pictures
from labeling.review.rows import Known, in_words, judge_row

MAX_QUEUES, MAX_WINDOW = 16, 64
MAX_WORDS = 200


class ReviewService:
    """The state behind one page server; safe for several threads."""

    def __init__(self, dataset: Dataset, reviewer: str) -> None:
        self._dataset, self.reviewer = dataset, reviewer
        self._index = ReviewIndex(dataset)
        self._pictures = Pictures(dataset)
        self._queues: OrderedDict[str, np.ndarray] = OrderedDict()
        self._num_queues = 0
        self._lock = threading.RLock()

    def start(self) -> dict[str, Any]:
        """What the page needs once: names, words, progress."""
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
        """A list of pairs to work through; it stays as it is while decisions are made."""
        with self._lock:
            self._refresh()
            found = self._index.queue(QueueFilter.model_validate(wanted))
            self._num_queues += 1
            name = f"q{self._num_queues}"
            self._queues[name] = found
            while len(self._queues) > MAX_QUEUES:
                self._queues.popitem(last=False)
            return {"queue": name, "length": len(found), "progress": self._index.progress()}

    def window(self, queue: str, start: int, count: int) -> dict[str, Any]:
        """Pairs of a queue from place `start` on."""
        with self._lock:
            self._refresh()
            if queue not in self._queues:
                raise NotFound("this list of pairs is gone (the server or its labels are new)")
            chosen = self._queues[queue][max(0, start) : max(0, start) + min(count, MAX_WINDOW)]
            positions = chosen.tolist()
        return {"start": start, "pairs": [self.describe(position) for position in positions]}

    def describe(self, position: int) -> dict[str, Any]:
        """One pair for the page; images are named by video and hash."""
        with self._lock:
            label = self._index.labels[position]
            history = list(self._index.histories.get(position, ()))
            said, answers = self._index.decided.get(position), self._index.answers.get(position, {})
            uri = self._index.uris.get(label.video_id, "")
        known = {
            "pair_id": label.pair_id, "video_id": label.video_id, "uri": uri,
            "machine": label.text, "raw": label.raw_text, "confidence": label.confidence,
            "labeler": label.labeler, "answers": answers, "content_hash": label.content_hash,
            "label_hash": label_hash(label), "decision": _as_json(said),
            "history": [f"{c.reviewer}: {in_words(c)}" for c in history], "problem": "",
        }  # fmt: skip
        try:
            pair = self._pair(label.pair_id, label.video_id)
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
        """An encoded canvas as it lies in the tar."""
        self._check_video(video_id)
        canvas = self._pictures.video(video_id).canvases.get(sha256)
        if canvas is None:
            raise NotFound(f"video {video_id} has no such image")
        return canvas.format, canvas.data

    def mask(self, pair_id: str, mask_sha256: str = "") -> bytes:
        """PNG of a pair's mask: the machine's, or one that a person painted."""
        position = self._position(pair_id)
        video_id = self._index.labels[position].video_id
        if mask_sha256:
            with self._lock:
                known = {said.mask_sha256 for said in self._index.histories.get(position, ())}
            if mask_sha256 not in known:
                raise NotFound(f"{pair_id} has no such mask")
            return read_human_mask(self._dataset, video_id, mask_sha256)
        region = self._pictures.video(video_id).regions.get(pair_id)
        if region is None:
            raise NotFound(f"{pair_id} has no mask")
        return region.mask

    def agreement(self) -> dict[str, Any]:
        """Agreement between labelers, people, and both."""
        with self._lock:
            self._refresh()
            return asdict(self._index.agreement())

    def decide(self, body: dict[str, Any]) -> dict[str, Any]:
        """Write decisions to the log, all of them or none.

        Raises:
            NotApplied: what stood in the way, by pair.
        """
        asked = Decisions.model_validate(body)
        with self._lock, locked_log(self._dataset):
            self._refresh()
            new: list[Correction] = []
            problems: list[dict[str, Any]] = []
            for said in [*asked.decisions, *asked.restored]:
                found = self._decide(said) if isinstance(said, Said) else self._restore(said)
                if isinstance(found, list):
                    new += found
                else:
                    position = self._index.positions.get(said.pair_id)
                    now = None if position is None else self.describe(position)
                    problems.append({"pair_id": said.pair_id, "now": now} | found)
            if problems:
                raise NotApplied(problems)
            append_corrections(self._dataset, new)
            self._refresh()
            decided = [
                (said.pair_id, self._index.decided.get(self._index.positions[said.pair_id]))
                for said in [*asked.decisions, *asked.restored]
            ]
            progress = self._index.progress()
        return {
            "decisions": {pair_id: _as_json(said) for pair_id, said in decided},
            "progress": progress,
        }

    def _decide(self, said: Said) -> list[Correction] | dict[str, str]:
        known, in_force, problem = self._as_seen(said)
        if problem:
            return problem
        assert known is not None
        cells = said.model_dump(include={"pair_id", "content_hash", "label_hash", "corrected",
                                         "verdict", "note"})  # fmt: skip
        judged = judge_row(cells, known, self.reviewer)
        if not isinstance(judged, Correction):
            return {"status": judged[0], "detail": judged[1]}
        if judged.verdict == "reject":
            return [] if in_force and _is_repeated(judged, in_force) else [judged]
        mask = in_force.mask_sha256 if in_force and not said.machine_mask else ""
        if said.mask is not None:
            try:
                mask = self._store_mask(said, known)
            except (ValueError, binascii.Error) as error:
                return {"status": "invalid", "detail": f"the painted mask: {error}"}
        judged = replace(judged, mask_sha256=mask)
        return [] if in_force and _is_repeated(judged, in_force) else [judged]

    def _restore(self, said: Restored) -> list[Correction] | dict[str, str]:
        _, in_force, problem = self._as_seen(said)
        if problem:
            return problem
        history = self._index.histories.get(self._index.positions[said.pair_id], [])
        earlier = next((c for c in history if c.revision == said.to), None)
        if said.to and earlier is None:
            return {"status": "unknown", "detail": "there is no such earlier decision"}
        if in_force is None and earlier is None:
            return []
        withdrawn = Correction(
            pair_id=said.pair_id, content_hash=said.content_hash, verdict="withdraw",
            instruction="", reviewer=self.reviewer, note="",
            machine_instruction=history[-1].machine_instruction,
        )  # fmt: skip
        if earlier is None:
            return [withdrawn]
        # Another person's decision comes back as theirs, and ours is gone from the count.
        return [earlier] if earlier.reviewer == self.reviewer else [withdrawn, earlier]

    def _as_seen(
        self, said: Said | Restored
    ) -> tuple[Known | None, Correction | None, dict[str, str] | None]:
        """The pair as it is now, and what is wrong with how the page saw it."""
        position = self._index.positions.get(said.pair_id)
        if position is None:
            problem = {"status": "unknown", "detail": f"no pair {said.pair_id!r} in this dataset"}
            return None, None, problem
        label = self._index.labels[position]
        try:
            content = self._pair(label.pair_id, label.video_id).content_hash
        except (UserError, NotFound) as error:
            return None, None, {"status": "stale", "detail": str(error)}
        if said.content_hash != content:
            return None, None, {"status": "stale", "detail": "the images changed: look again"}
        in_force = self._index.decided.get(position)
        if said.seen != (in_force.revision if in_force else ""):
            who = f"{in_force.reviewer} said {in_words(in_force)}" if in_force else "it was undone"
            problem = {"status": "conflicting", "detail": f"meanwhile {who}: decide again"}
            return None, in_force, problem
        return Known(label, content), in_force, None

    def _store_mask(self, said: Said, known: Known) -> str:
        """Keep a painted mask of the size of the pair's images; returns its hash."""
        video_id = known.label.video_id
        region = self._pictures.video(video_id).regions[said.pair_id]
        height, width = region.masks(f"regions of {video_id}")[0].shape
        bits = base64.b64decode(said.mask or "", validate=True)
        if len(bits) != (height * width + 7) // 8:
            raise ValueError(f"{len(bits)} bytes, expected one bit for each of {width} x {height}")
        pixels = np.unpackbits(np.frombuffer(bits, np.uint8), count=height * width)
        return store_human_mask(self._dataset, video_id, pixels.reshape(height, width) > 0)

    def _pair(self, pair_id: str, video_id: str) -> Pair:
        pair = self._pictures.video(video_id).pairs.get(pair_id)
        if pair is None:
            raise NotFound(f"{pair_id} is not in the keyframes any more: run ingest's stages again")
        return pair

    def _position(self, pair_id: str) -> int:
        with self._lock:
            position = self._index.positions.get(pair_id)
        if position is None:
            raise NotFound(f"no pair {pair_id!r}")
        return position

    def _check_video(self, video_id: str) -> None:
        """Names of files are made of known ids only, never of what was sent."""
        with self._lock:
            if video_id not in self._index.uris:
                raise NotFound(f"no video {video_id!r}")

    def _refresh(self) -> None:
        if self._index.refresh():
            self._queues.clear()


def _is_repeated(said: Correction, known: Correction) -> bool:
    """Whether a person says again what they said, so that the log needs no other row."""
    same = (said.reviewer, said.note or known.note) == (known.reviewer, known.note)
    return same and said.says_the_same(known)


def _as_json(said: Correction | None) -> dict[str, str] | None:
    return None if said is None else asdict(said) | {"revision": said.revision}
