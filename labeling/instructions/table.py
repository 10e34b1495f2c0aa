"""Stores instructions: a JSON-lines cache for each video, and one Parquet table of all videos.

``labels/instructions/<video_id>.jsonl`` keeps every answer by the content of its images, the
labeler and its prompt. A labeler is never asked the same question twice, also after another one was
configured in between. ``labels/instructions.parquet`` holds the configured labeler's answers.
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
from labeling.instructions.labeler_factory import InstructionsConfig, make_labeler
from labeling.instructions.normalisation import normalise
from labeling.pairs import Pair
from labeling.regions.regions import RegionsConfig

COLUMNS = (
    "pair_id", "video_id", "text", "confidence", "mean_log_probability", "raw_text", "labeler",
    "prompt", "region_rule", "content_hash", "schema_version",
)  # fmt: skip
"""Columns of the Parquet table, in order."""


class Instruction(Record):
    """A labeler's answer about one pair: a line of the cache and a row of the table."""

    schema_version: str = SCHEMA_VERSION
    pair_id: str
    video_id: str
    content_hash: str
    """`labeling.pairs.Pair.content_hash` of the images that the labeler saw."""
    raw_text: str
    """The labeler's own words."""
    text: str
    """The normalised instruction; empty if the answer names nothing, or the labeler is unsure."""
    confidence: float = Field(ge=0, le=1)
    mean_log_probability: float | None = None
    """Natural logarithm, mean over the answer's tokens; None if unknown."""
    labeler: str
    prompt: str
    """Version of the prompt; empty for a labeler without one."""
    region_rule: str
    """Rule of the mask that the labeler used; empty if it ignores masks."""

    @property
    def is_unsure(self) -> bool:
        """Whether the labeler named something, but with too little confidence."""
        return not self.text and bool(normalise(self.raw_text))


class Cache:
    """The answers of all labelers about one video's pairs; the file is read on creation."""

    def __init__(self, path: Path, pairs: Sequence[Pair]) -> None:
        self._path, self._pairs = path, pairs
        self._answers: dict[tuple[str, str, str, str], Instruction] = {}
        # Answers belong to image content: a renumbered pair keeps its answers, and answers about
        # images that no longer exist are dropped.
        contents = {pair.content_hash for pair in pairs}
        self.add(answer for answer in read_jsonl(path) if answer.content_hash in contents)

    def find(self, pair: Pair, labeler: Labeler, rule: str) -> Instruction | None:
        """The answer about the pair's images by this labeler, prompt and region rule, if any."""
        return self._answers.get((pair.content_hash, labeler.name, labeler.prompt, rule))

    def add(self, answers: Iterable[Instruction]) -> None:
        """Add answers in memory only."""
        for answer in answers:
            key = (answer.content_hash, answer.labeler, answer.prompt, answer.region_rule)
            self._answers[key] = answer

    def append(self, answers: Sequence[Instruction]) -> None:
        """Add answers, and append them to the file durably."""
        self.add(answers)
        if not self._path.is_file() or not self._path.read_bytes().endswith(b"\n"):
            # There is no file yet, or the last run was killed while it wrote the last line.
            self.save()
            return
        with self._path.open("ab") as file:
            file.write(_lines(answers))
            file.flush()
            os.fsync(file.fileno())

    def save(self) -> None:
        """Write all answers, ordered by labeler and pair."""
        rows = [
            self._answers[key].model_copy(update={"pair_id": pair.pair_id})
            for source in sorted({key[1:] for key in self._answers})
            for pair in self._pairs
            if (key := (pair.content_hash, *source)) in self._answers
        ]
        data = _lines(rows)
        if not self._path.is_file() or self._path.read_bytes() != data:
            write_bytes(self._path, data)


def read_jsonl(path: Path) -> list[Instruction]:
    """Read a cache file; empty if it does not exist. Raises UserError naming file and line."""
    if not path.is_file():
        return []
    answers = []
    # Bytes after the last line break are an incomplete answer of a killed run.
    complete_lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(complete_lines, start=1):
        try:
            answer = Instruction.model_validate_json(line)
        except ValidationError as error:
            raise UserError(
                f"{path} line {number} is damaged ({error.errors()[0]['msg']}): delete the file "
                "and run `python -m labeling instructions` again"
            ) from error
        # Normalised again: its rules may have changed since the answer was stored.
        answers.append(answer.model_copy(update={"text": normalise(answer.raw_text)}))
    return answers


def _lines(rows: Iterable[Instruction]) -> bytes:
    texts = (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) for row in rows)
    return "".join(text + "\n" for text in texts).encode()


def merge_table(
    dataset: Dataset, video_ids: Sequence[str], config: InstructionsConfig, regions: RegionsConfig
) -> list[Instruction]:
    """Write `labels/instructions.parquet` from the caches.

    Returns:
        Its rows, ordered by video and pair.
    """
    import pandas

    labeler = make_labeler(config)
    rule = regions.rule if labeler.reads_mask else ""
    key = (labeler.name, labeler.prompt, rule)
    rows = [
        with_doubt(answer, config)
        for video_id in sorted(video_ids)
        for answer in read_jsonl(dataset.instructions_jsonl(video_id))
        if (answer.labeler, answer.prompt, answer.region_rule) == key
    ]
    frame = pandas.DataFrame([row.model_dump() for row in rows], columns=list(COLUMNS))
    with atomic_file(dataset.instructions_parquet) as file:
        frame.to_parquet(file, index=False)
    return rows


def with_doubt(answer: Instruction, config: InstructionsConfig) -> Instruction:
    """The answer, with an empty instruction if the built-in labeler is unsure of it.

    The raw text keeps its guess.
    """
    is_unsure = config.labeler == "rule" and answer.confidence < config.rule.unsure_below
    return answer.model_copy(update={"text": ""}) if is_unsure else answer


def read_table(dataset: Dataset) -> dict[str, Instruction]:
    """The machine's instructions by pair id. Raises UserError: no table, or a damaged one."""
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
    """A row with None where pandas has NaN."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
