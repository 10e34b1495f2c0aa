"""Instructions on disk: a JSON-lines cache a video, and the table of all of them.

``labels/instructions/<video_id>.jsonl`` remembers every answer by the content of its images, the
labeler and the question, so the same thing is never asked twice, and switching the labeler back
costs nothing. ``labels/instructions.parquet`` holds the configured labeler's answer to each pair.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ingest.conventions.atomic import atomic_file, write_bytes
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.schema import Record
from labeling.instructions.labeler import Labeler
from labeling.instructions.labelers import InstructionsConfig, make_labeler
from labeling.instructions.wording import normalise
from labeling.pairs import Pair
from labeling.regions.regions import RegionsConfig

COLUMNS = (
    "pair_id", "video_id", "text", "confidence", "mean_log_probability", "raw_text", "labeler",
    "prompt", "region_rule", "content_hash", "schema_version",
)  # fmt: skip


class Instruction(Record):
    """A labeler's answer to one pair; a line of the cache and a row of the table."""

    schema_version: str = SCHEMA_VERSION
    pair_id: str
    video_id: str
    content_hash: str
    """Content of the pair's images, as `labeling.pairs.Pair.content_hash`."""
    raw_text: str
    """In the labeler's own words."""
    text: str
    """Normalised; empty if the answer named nothing."""
    confidence: float = Field(ge=0, le=1)
    mean_log_probability: float | None = None
    """Natural logarithm, mean over the answer's tokens; None where there are none."""
    labeler: str
    prompt: str
    """Version of the question, empty where none is asked."""
    region_rule: str
    """Rule of the mask that the labeler looked at, empty where it looks at none."""


class Cache:
    """The answers to one video's pairs by every labeler that was asked; read at once."""

    def __init__(self, path: Path, pairs: Sequence[Pair]) -> None:
        self._path, self._pairs = path, pairs
        self._answers: dict[tuple[str, str, str, str], Instruction] = {}
        # Answers are tied to content: a pair that only changed its number keeps its own, and
        # answers about pictures that are gone leave.
        contents = {pair.content_hash for pair in pairs}
        self.add(answer for answer in read_jsonl(path) if answer.content_hash in contents)

    def find(self, pair: Pair, labeler: Labeler, rule: str) -> Instruction | None:
        """The answer to this content by this labeler, question and mask rule."""
        return self._answers.get((pair.content_hash, labeler.name, labeler.prompt, rule))

    def add(self, answers: Iterable[Instruction]) -> None:
        """Remember answers, not yet on disk."""
        for answer in answers:
            key = (answer.content_hash, answer.labeler, answer.prompt, answer.region_rule)
            self._answers[key] = answer

    def append(self, answers: Sequence[Instruction]) -> None:
        """Remember answers, and put them on disk behind the others before going on."""
        self.add(answers)
        if not self._path.is_file() or not self._path.read_bytes().endswith(b"\n"):
            # A new file; or the last run was killed while it wrote its last line.
            self.save()
            return
        with self._path.open("ab") as file:
            file.write(_lines(answers))
            file.flush()
            os.fsync(file.fileno())

    def save(self) -> None:
        """Write all answers, by labeler and pair whatever the order in which they came."""
        rows = [
            self._answers[key].model_copy(update={"pair_id": pair.pair_id})
            for asked in sorted({key[1:] for key in self._answers})
            for pair in self._pairs
            if (key := (pair.content_hash, *asked)) in self._answers
        ]
        data = _lines(rows)
        if not self._path.is_file() or self._path.read_bytes() != data:
            write_bytes(self._path, data)


def read_jsonl(path: Path) -> list[Instruction]:
    """All lines of a cache file, none if it is not there. Raises UserError naming file and line."""
    if not path.is_file():
        return []
    answers = []
    # What stands behind the last line break is an answer that was being written in a kill.
    whole = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(whole, start=1):
        try:
            answer = Instruction.model_validate_json(line)
        except ValidationError as error:
            raise UserError(
                f"{path} line {number} is damaged ({error.errors()[0]['msg']}): delete the file "
                "and run `python -m labeling instructions` again"
            ) from error
        # The rules of wording may have changed since the answer was given.
        answers.append(answer.model_copy(update={"text": normalise(answer.raw_text)}))
    return answers


def _lines(rows: Iterable[Instruction]) -> bytes:
    texts = (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) for row in rows)
    return "".join(text + "\n" for text in texts).encode()


def merge_table(
    dataset: Dataset, video_ids: Sequence[str], config: InstructionsConfig, regions: RegionsConfig
) -> list[Instruction]:
    """Write `labels/instructions.parquet` from the caches; rows by video, then pair."""
    import pandas

    labeler = make_labeler(config)
    rule = regions.rule if labeler.reads_mask else ""
    key = (labeler.name, labeler.prompt, rule)
    rows = [
        answer
        for video_id in sorted(video_ids)
        for answer in read_jsonl(dataset.instructions_jsonl(video_id))
        if (answer.labeler, answer.prompt, answer.region_rule) == key
    ]
    frame = pandas.DataFrame([row.model_dump() for row in rows], columns=list(COLUMNS))
    with atomic_file(dataset.instructions_parquet) as file:
        frame.to_parquet(file, index=False)
    return rows


def read_table(dataset: Dataset) -> dict[str, Instruction]:
    """The machine's instruction of every pair. Raises UserError if there is no table."""
    import pandas

    path = dataset.instructions_parquet
    if not path.is_file():
        raise UserError(
            f"{path} not found: run `python -m labeling instructions {dataset.root}` first"
        )
    try:
        rows = pandas.read_parquet(path).to_dict("records")
        table = [Instruction.model_validate(_without_nan(row)) for row in rows]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())[:160]}): run "
            f"`python -m labeling instructions {dataset.root}` again"
        ) from error
    return {row.pair_id: row for row in table}


def _without_nan(row: dict[Any, Any]) -> dict[Any, Any]:
    """A row as it was written: pandas makes NaN of what is absent."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
