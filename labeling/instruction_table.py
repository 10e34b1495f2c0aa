"""Instructions on disk: a JSON-lines cache a video, and the table of all of them.

``labels/instructions/<video_id>.jsonl`` remembers every answer by the content of its images, the
labeler and the question, so the same thing is never asked twice, and switching the labeler back
costs nothing. ``labels/instructions.parquet`` holds the configured labeler's answer to each pair.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ingest.atomic import atomic_file, write_bytes
from ingest.dataset import Dataset
from ingest.errors import UserError
from ingest.fields import SCHEMA_VERSION
from ingest.schema import Record
from labeling.instructions import InstructionsConfig, Labeler, PairImages, make_labeler, normalise
from labeling.pairs import Pair, read_pairs
from labeling.regions import RegionsConfig, StoredRegion, read_regions, region_of

COLUMNS = (
    "pair_id", "video_id", "text", "confidence", "raw_text", "labeler", "prompt", "region_rule",
    "content_hash", "schema_version",
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
    labeler: str
    prompt: str
    """Version of the question, empty where none is asked."""
    region_rule: str
    """Rule of the mask that the labeler looked at, empty where it looks at none."""


@dataclass(frozen=True)
class InstructionTask:
    """One video to label; what a Ray task gets."""

    root: Path
    video_id: str
    regions: RegionsConfig
    instructions: InstructionsConfig


def label_instructions(task: InstructionTask) -> dict[str, Any]:
    """Answer what is not answered yet for one video, saving after every batch.

    Returns:
        pairs: their number; asked: how many the labeler was asked about; texts: the answers.
    """
    dataset, config = Dataset(task.root), task.instructions
    _, pairs = read_pairs(dataset, task.video_id)
    labeler = _labeler(config)
    regions = read_regions(dataset, task.video_id)
    regions = {p.pair_id: region_of(p, regions, task.regions, dataset) for p in pairs}
    rule = task.regions.rule if labeler.reads_mask else ""
    cache = Cache(dataset.instructions_jsonl(task.video_id), pairs)
    waiting = [pair for pair in pairs if cache.find(pair, labeler, rule) is None]
    for start in range(0, len(waiting), config.batch_size):
        batch = waiting[start : start + config.batch_size]
        cache.add(_ask(labeler, batch, regions, rule))
        cache.save()
    cache.save()
    answers = [cache.find(pair, labeler, rule) for pair in pairs]
    texts = [answer.text for answer in answers if answer is not None]
    return {"pairs": len(pairs), "asked": len(waiting), "texts": texts}


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

    def save(self) -> None:
        """Write all answers, by labeler and pair whatever the order in which they came."""
        rows = [
            self._answers[key].model_copy(update={"pair_id": pair.pair_id})
            for asked in sorted({key[1:] for key in self._answers})
            for pair in self._pairs
            if (key := (pair.content_hash, *asked)) in self._answers
        ]
        lines = (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) for row in rows)
        data = "".join(line + "\n" for line in lines).encode()
        if not self._path.is_file() or self._path.read_bytes() != data:
            write_bytes(self._path, data)


def read_jsonl(path: Path) -> list[Instruction]:
    """All lines of a cache file, none if it is not there. Raises UserError naming file and line."""
    if not path.is_file():
        return []
    answers = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
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
        table = [Instruction.model_validate(row) for row in rows]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())[:160]}): run "
            f"`python -m labeling instructions {dataset.root}` again"
        ) from error
    return {row.pair_id: row for row in table}


def _ask(
    labeler: Labeler, pairs: Sequence[Pair], regions: dict[str, StoredRegion], rule: str
) -> list[Instruction]:
    images = [
        PairImages(
            current=pair.current.image(),
            next=pair.next.image(),
            target=pair.target.image(),
            mask=regions[pair.pair_id].masks(f"regions of {pair.video_id}")[0],
        )
        for pair in pairs
    ]
    return [
        Instruction(
            pair_id=pair.pair_id,
            video_id=pair.video_id,
            content_hash=pair.content_hash,
            raw_text=answer.text,
            text=normalise(answer.text),
            # Six digits: the last bits of a confidence mean nothing and differ between machines.
            confidence=round(answer.confidence, 6),
            labeler=labeler.name,
            prompt=labeler.prompt,
            region_rule=rule,
        )
        for pair, answer in zip(pairs, labeler(images), strict=True)
    ]


_labelers: dict[str, Labeler] = {}


def _labeler(config: InstructionsConfig) -> Labeler:
    """One labeler a worker process, shared by all of its tasks: a model is loaded once."""
    key = config.model_dump_json()
    if key not in _labelers:
        _labelers[key] = make_labeler(config)
    return _labelers[key]
