"""All pairs of a dataset in memory, as the review page filters and orders them.

One row a pair, in the order of the table of instructions: numbers in arrays, so that a filter over
100,000 pairs takes milliseconds. Images stay on disk.
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
from ingest.format.schema import Record
from labeling.corrections.corrections import Correction, by_reviewer, in_force
from labeling.corrections.log_follower import LogFollower
from labeling.instructions.table import Instruction
from labeling.instructions.wording import normalise
from labeling.review.agreement import AgreementReport, human_text, measure_agreement

State = Literal["open", "decided", "accept", "correct", "reject", "mask", "all"]
Disagreement = Literal["", "labelers", "human", "reviewers"]
_OPEN, _ACCEPT, _CORRECT, _REJECT = range(4)
_CODES = {"accept": _ACCEPT, "correct": _CORRECT, "reject": _REJECT}


class QueueFilter(Record):
    """Which pairs a reviewer wants to see, and in which order."""

    video: str = Field(default="", max_length=500)
    """Part of a video's id or URI; empty is all."""
    label: str = Field(default="", max_length=200)
    """Word of the instruction that holds; ``(nothing)`` where none does; empty is all."""
    low: float = 0.0
    high: float = 1.0
    """Bounds of the machine's confidence, both included."""
    state: State = "open"
    """open: nobody decided; mask: a person painted the mask."""
    disagreement: Disagreement = ""
    """labelers: two gave different instructions; human: a person changed the machine's;
    reviewers: two people said different things."""
    order: Literal["doubtful", "video"] = "doubtful"
    """doubtful: least confident first; video: as painted, video by video."""


class ReviewIndex:
    """Labels, answers and decisions of all pairs; not safe for several threads at once."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._log = LogFollower(dataset)
        self._read_labels()
        self.refresh()

    def _read_labels(self) -> None:
        self.labels = _read_labels(self.dataset)
        self._labels_stamp = _stamp(self.dataset)
        self.uris = _read_uris(self.dataset)
        self.positions = {label.pair_id: i for i, label in enumerate(self.labels)}
        self.answers = _read_answers(self.dataset, self.labels, self.positions)
        self._confidences = np.array([label.confidence for label in self.labels], np.float32)
        self._labelers_differ = np.zeros(len(self.labels), bool)
        for position, said in self.answers.items():
            self._labelers_differ[position] = len(set(said.values())) > 1
        self._forget()

    def _forget(self) -> None:
        """Take every pair for undecided."""
        number = len(self.labels)
        self.histories: dict[int, list[Correction]] = defaultdict(list)
        self.decided: dict[int, Correction] = {}
        self._states = np.zeros(number, np.int8)
        self._painted, self._changed, self._disputed = (np.zeros(number, bool) for _ in range(3))
        self.texts = [label.text for label in self.labels]

    def refresh(self) -> bool:
        """Take in what others wrote; whether the pairs themselves are others now."""
        is_new = self._labels_stamp != _stamp(self.dataset)
        if is_new:
            self._log = LogFollower(self.dataset)
            self._read_labels()
        news = self._log.news()
        if news.is_anew:
            self._forget()
        touched = set()
        for said in news.rows:
            position = self.positions.get(said.pair_id)
            # Decisions about images that are gone have no effect.
            if position is not None and said.content_hash == self.labels[position].content_hash:
                self.histories[position].append(said)
                touched.add(position)
        for position in touched:
            self._settle(position)
        return is_new

    def _settle(self, position: int) -> None:
        """What holds for one pair, from all that was said about it."""
        history, label = self.histories[position], self.labels[position]
        said = next(iter(in_force(history).values()), None)
        people = next(iter(by_reviewer(history).values()), {})
        self._states[position] = _OPEN if said is None else _CODES[said.verdict]
        self._painted[position] = said is not None and bool(said.mask_sha256)
        self._changed[position] = said is not None and human_text(said) != label.text
        self._disputed[position] = len({human_text(c) for c in people.values()}) > 1
        if said is None:
            self.decided.pop(position, None)
            self.texts[position] = label.text
        else:
            self.decided[position] = said
            self.texts[position] = normalise(said.instruction)

    def queue(self, wanted: QueueFilter) -> np.ndarray:
        """Positions of the pairs that fit, int32, in the order asked for."""
        fits = (self._confidences >= wanted.low - 1e-6) & (self._confidences <= wanted.high + 1e-6)
        fits &= self._in_state(wanted.state)
        if wanted.disagreement:
            fits &= {
                "labelers": self._labelers_differ, "human": self._changed,
                "reviewers": self._disputed,
            }[wanted.disagreement]  # fmt: skip
        if wanted.video:
            found = {
                video
                for video, uri in self.uris.items()
                if wanted.video.casefold() in video or wanted.video.casefold() in uri.casefold()
            }
            fits &= np.array([label.video_id in found for label in self.labels], bool)
        if wanted.label:
            word = "" if wanted.label == "(nothing)" else normalise(wanted.label)
            fitting = {text for text in set(self.texts) if _holds(text, word)}
            fits &= np.array([text in fitting for text in self.texts], bool)
        positions = np.flatnonzero(fits).astype(np.int32)
        if wanted.order == "doubtful":
            positions = positions[np.argsort(self._confidences[positions], kind="stable")]
        return positions

    def _in_state(self, state: State) -> np.ndarray:
        if state == "all":
            return np.ones(len(self.labels), bool)
        if state == "mask":
            return self._painted
        if state in ("open", "decided"):
            return (self._states == _OPEN) == (state == "open")
        return self._states == _CODES[state]

    def progress(self) -> dict[str, int]:
        """Numbers of pairs: all of them, and by what people said."""
        counts = np.bincount(self._states, minlength=4).tolist()
        names = ("open", "accept", "correct", "reject")
        return {"pairs": len(self.labels), **dict(zip(names, counts, strict=True))}

    def words(self) -> list[str]:
        """Instructions in use, most frequent first."""
        return [text for text, _ in Counter(self.texts).most_common() if text]

    def agreement(self) -> AgreementReport:
        """Agreement of labelers and people over all pairs."""
        said: dict[str, dict[str, str]] = defaultdict(dict)
        for position, texts in self.answers.items():
            for labeler, text in texts.items():
                said[labeler][self.labels[position].pair_id] = text
        ids = {position: self.labels[position].pair_id for position in self.histories}
        return measure_agreement(
            {label.pair_id: label for label in self.labels},
            said,
            {self.labels[position].pair_id: said for position, said in self.decided.items()},
            {
                ids[position]: next(iter(by_reviewer(history).values()), {})
                for position, history in self.histories.items()
            },
        )


def _holds(text: str, word: str) -> bool:
    return text == word or (bool(word) and word in (part.strip() for part in text.split(",")))


def _read_labels(dataset: Dataset) -> list[Instruction]:
    """The table's rows, taken as they are: checking 100,000 rows one by one takes seconds."""
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
    """Where each video came from, by id; videos without a row of their own are their id."""
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
    """What every labeler said, by position and labeler; pairs that one labeler saw stay out."""
    labels, normal = list(labels), functools.lru_cache(None)(normalise)
    found: dict[int, dict[str, str]] = {}
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
            found.setdefault(position, {})[name] = normal(answer["raw_text"])
    return {position: said for position, said in found.items() if len(said) > 1}


def _stamp(dataset: Dataset) -> tuple[int, int] | None:
    """Changes when the table of instructions is written anew."""
    try:
        found = dataset.instructions_parquet.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
