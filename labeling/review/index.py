"""Holds the labels and corrections of all pairs in memory, and filters and orders the pairs.

A pair's position is its row in the table of instructions. Numbers are in arrays, so that a filter
over 100,000 pairs takes milliseconds. Images stay on disk.
"""

from __future__ import annotations

import functools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import Field

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.sample_names import is_name, parse_name
from ingest.format.schema import Record
from labeling.corrections.corrections import Correction, effective_corrections, latest_by_reviewer
from labeling.corrections.log_follower import LogFollower
from labeling.instructions.normalisation import normalise
from labeling.instructions.table import Instruction
from labeling.review.agreement import AgreementReport, human_text, measure_agreement

State = Literal["open", "decided", "accept", "correct", "reject", "mask", "all"]
Disagreement = Literal["", "labelers", "human", "reviewers"]
_OPEN, _ACCEPT, _CORRECT, _REJECT = range(4)
"""Codes of a pair's state in the array of states."""
_CODES = {"accept": _ACCEPT, "correct": _CORRECT, "reject": _REJECT}
"""Code by verdict."""


class QueueFilter(Record):
    """The pairs that a reviewer wants to see, and their order."""

    video: str = Field(default="", max_length=500)
    """Part of a video's id or URI, or the name of a pair of it; empty: all."""
    label: str = Field(default="", max_length=200)
    """Word of the effective instruction; ``(nothing)``: pairs without one; empty: all."""
    low: float = 0.0
    """Smallest confidence of the machine."""
    high: float = 1.0
    """Largest confidence of the machine."""
    state: State = "open"
    """open: no decision; decided: any decision; mask: a person painted the mask."""
    disagreement: Disagreement = ""
    """labelers: two labelers differ; human: a person changed the machine's instruction; reviewers:
    two people differ."""
    order: Literal["doubtful", "video"] = "doubtful"
    """doubtful: least confident first; video: in painting order, video by video."""


class ReviewIndex:
    """Labels, answers and corrections of all pairs; not thread-safe.

    Attributes:
        labels: the machine's label at every position.
        texts: the effective instruction at every position.
        positions: position by pair id.
        uris: source of each video, by video id.
        answers: normalised instructions, by position and labeler, where several labelers answered.
        histories: all corrections of the current images, oldest first, by position.
        decided: the correction in force, by position.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._log = LogFollower(dataset)
        self._read_labels()
        self.refresh()

    def _read_labels(self) -> None:
        self.labels = _read_labels(self.dataset)
        self._labels_version = _table_version(self.dataset)
        self.uris = _read_uris(self.dataset)
        self.positions = {label.pair_id: i for i, label in enumerate(self.labels)}
        self.answers = _read_answers(self.dataset, self.labels, self.positions)
        self._confidences = np.array([label.confidence for label in self.labels], np.float32)
        self._labelers_differ = np.zeros(len(self.labels), bool)
        for position, texts in self.answers.items():
            self._labelers_differ[position] = len(set(texts.values())) > 1
        self._clear_decisions()

    def _clear_decisions(self) -> None:
        """Reset every pair to no correction."""
        number = len(self.labels)
        self.histories: dict[int, list[Correction]] = defaultdict(list)
        self.decided: dict[int, Correction] = {}
        self._states = np.zeros(number, np.int8)
        self._has_human_mask, self._is_changed, self._is_disputed = (
            np.zeros(number, bool) for _ in range(3)
        )
        self.texts = [label.text for label in self.labels]

    def refresh(self) -> bool:
        """Read what was written since the last call.

        Returns:
            True if the table of instructions was replaced, so that positions changed.
        """
        is_new = self._labels_version != _table_version(self.dataset)
        if is_new:
            self._log = LogFollower(self.dataset)
            self._read_labels()
        update = self._log.read_new_rows()
        if update.is_replaced:
            self._clear_decisions()
        changed = set()
        for correction in update.rows:
            position = self.positions.get(correction.pair_id)
            # Corrections of other images have no effect.
            if (
                position is not None
                and correction.content_hash == self.labels[position].content_hash
            ):
                self.histories[position].append(correction)
                changed.add(position)
        for position in changed:
            self._update_pair(position)
        return is_new

    def _update_pair(self, position: int) -> None:
        """Recompute the state of one pair from its history."""
        history, label = self.histories[position], self.labels[position]
        current = next(iter(effective_corrections(history).values()), None)
        people = next(iter(latest_by_reviewer(history).values()), {})
        self._states[position] = _OPEN if current is None else _CODES[current.verdict]
        self._has_human_mask[position] = current is not None and bool(current.mask_sha256)
        self._is_changed[position] = current is not None and human_text(current) != label.text
        self._is_disputed[position] = len({human_text(c) for c in people.values()}) > 1
        if current is None:
            self.decided.pop(position, None)
            self.texts[position] = label.text
        else:
            self.decided[position] = current
            self.texts[position] = normalise(current.instruction)

    def queue(self, wanted: QueueFilter) -> np.ndarray:
        """Positions of the pairs that pass the filter, int32, in the wanted order."""
        fits = (self._confidences >= wanted.low - 1e-6) & (self._confidences <= wanted.high + 1e-6)
        fits &= self._in_state(wanted.state)
        if wanted.disagreement:
            fits &= {
                "labelers": self._labelers_differ, "human": self._is_changed,
                "reviewers": self._is_disputed,
            }[wanted.disagreement]  # fmt: skip
        if wanted.video:
            given = wanted.video.strip().casefold().removeprefix("./")
            given = parse_name(given).video_id if is_name(given) else given
            videos = {
                video
                for video, uri in self.uris.items()
                if given in video or given in uri.casefold()
            }
            fits &= np.array([label.video_id in videos for label in self.labels], bool)
        if wanted.label:
            word = "" if wanted.label == "(nothing)" else normalise(wanted.label)
            matching = {text for text in set(self.texts) if _contains_word(text, word)}
            fits &= np.array([text in matching for text in self.texts], bool)
        positions = np.flatnonzero(fits).astype(np.int32)
        if wanted.order == "doubtful":
            positions = positions[np.argsort(self._confidences[positions], kind="stable")]
        return positions

    def _in_state(self, state: State) -> np.ndarray:
        """Whether each pair is in a state, bool (number of pairs,)."""
        if state == "all":
            return np.ones(len(self.labels), bool)
        if state == "mask":
            return self._has_human_mask
        if state in ("open", "decided"):
            return (self._states == _OPEN) == (state == "open")
        return self._states == _CODES[state]

    def progress(self) -> dict[str, int]:
        """Number of pairs in all, and by state."""
        counts = np.bincount(self._states, minlength=4).tolist()
        names = ("open", "accept", "correct", "reject")
        return {"pairs": len(self.labels), **dict(zip(names, counts, strict=True))}

    def words(self) -> list[str]:
        """The effective instructions, most frequent first."""
        return [text for text, _ in Counter(self.texts).most_common() if text]

    def agreement(self) -> AgreementReport:
        """Agreement of labelers and people over all pairs."""
        answers: dict[str, dict[str, str]] = defaultdict(dict)
        for position, texts in self.answers.items():
            for labeler, text in texts.items():
                answers[labeler][self.labels[position].pair_id] = text
        ids = {position: self.labels[position].pair_id for position in self.histories}
        return measure_agreement(
            {label.pair_id: label for label in self.labels},
            answers,
            {self.labels[position].pair_id: c for position, c in self.decided.items()},
            {
                ids[position]: next(iter(latest_by_reviewer(history).values()), {})
                for position, history in self.histories.items()
            },
        )


def _contains_word(text: str, word: str) -> bool:
    """Returns True if the instruction is the word or has it between commas; "" matches only ""."""
    return text == word or (bool(word) and word in (part.strip() for part in text.split(",")))


def _read_labels(dataset: Dataset) -> list[Instruction]:
    """Read the table without validating its rows, which takes seconds for 100,000 rows."""
    from pyarrow import ArrowException, parquet

    path = dataset.instructions_parquet
    advice = f"run `python -m labeling instructions {dataset.root}`"
    if not path.is_file():
        raise UserError(f"{path} not found: {advice} first")
    try:
        rows = parquet.read_table(path, columns=list(Instruction.model_fields)).to_pylist()
    except (ArrowException, OSError, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())[:160]}): {advice} again"
        ) from error
    return [Instruction.model_construct(**row) for row in rows]


def _read_uris(dataset: Dataset) -> dict[str, str]:
    """The source of each video, by video id; empty if the table of videos does not have it."""
    from pyarrow import parquet

    uris = dict.fromkeys(dataset.video_ids(), "")
    if dataset.videos_parquet.is_file():
        table = parquet.read_table(dataset.videos_parquet, columns=["video_id", "uri"])
        known = zip(*(table.column(n).to_pylist() for n in ("video_id", "uri")), strict=True)
        uris |= {video: uri for video, uri in known if video in uris}
    return uris


def _read_answers(
    dataset: Dataset, labels: Iterable[Instruction], positions: dict[str, int]
) -> dict[int, dict[str, str]]:
    """Normalised instructions, by position and labeler, of pairs that several labelers answered."""
    labels, cached_normalise = list(labels), functools.lru_cache(None)(normalise)
    answers: dict[int, dict[str, str]] = {}
    for video_id in {label.video_id for label in labels}:
        path = dataset.instructions_jsonl(video_id)
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            answer = json.loads(line)
            position = positions.get(answer.get("pair_id", ""))
            if position is None or answer["content_hash"] != labels[position].content_hash:
                continue
            name = " ".join(filter(None, (answer["labeler"], answer["prompt"])))
            answers.setdefault(position, {})[name] = cached_normalise(answer["raw_text"])
    return {position: texts for position, texts in answers.items() if len(texts) > 1}


def _table_version(dataset: Dataset) -> tuple[int, int] | None:
    """Inode and modification time of the table of instructions; None if there is no table."""
    try:
        status = dataset.instructions_parquet.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
