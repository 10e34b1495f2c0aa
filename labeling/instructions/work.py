"""Asking a labeler about the pairs of videos, in full batches, saving every batch before the next.

A batch may hold pairs of several videos. While the labeler answers one, the next is read, decoded
and prepared by another thread, so that a GPU does not wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.instructions.labeler import Answer, Labeler, PairImages, Unanswered
from labeling.instructions.labelers import InstructionsConfig, make_labeler
from labeling.instructions.table import Cache, Instruction
from labeling.instructions.wording import normalise
from labeling.pairs import Pair, read_pairs
from labeling.regions.record import StoredRegion
from labeling.regions.regions import RegionsConfig, read_regions, region_of


@dataclass(frozen=True)
class InstructionTask:
    """One video to label; what a Ray task gets."""

    root: Path
    video_id: str
    regions: RegionsConfig
    instructions: InstructionsConfig


@dataclass(eq=False)
class _Video:
    """A video at work."""

    pairs: list[Pair]
    regions: dict[str, StoredRegion]
    rule: str
    cache: Cache
    waiting: list[Pair]
    problems: list[str] = field(default_factory=list)
    num_asked: int = 0


VideoResult = dict[str, Any]
"""pairs: their number; asked: how many the labeler was asked about; texts: the answers."""


def label_instructions(task: InstructionTask) -> VideoResult:
    """Answer what is not answered yet for one video.

    Raises:
        UserError: it cannot be read, or some pairs got no answer (those that came are saved).
    """
    result = label_videos([task], labeler_of(task.instructions))[0]
    if isinstance(result, UserError):
        raise result
    return result


def label_videos(
    tasks: Sequence[InstructionTask], labeler: Labeler
) -> list[VideoResult | UserError]:
    """`label_instructions` of several videos, in batches over all of them; a result or what is
    wrong for each. What a labeler raises but `Unanswered` stops it; batches before are saved."""
    opened = [_opened(task, labeler) for task in tasks]
    batch_size = tasks[0].instructions.batch_size
    batches = _batches([video for video in opened if isinstance(video, _Video)], batch_size)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(_next, batches, labeler)
        while (taken := coming.result()) is not None:
            batch, prepared = taken
            coming = reader.submit(_next, batches, labeler)
            _answer(batch, prepared, labeler)
    return [video if isinstance(video, UserError) else _closed(video, labeler) for video in opened]


def _opened(task: InstructionTask, labeler: Labeler) -> _Video | UserError:
    dataset = Dataset(task.root)
    try:
        _, pairs = read_pairs(dataset, task.video_id)
        stored = read_regions(dataset, task.video_id)
        regions = {p.pair_id: region_of(p, stored, task.regions, dataset) for p in pairs}
        rule = task.regions.rule if labeler.reads_mask else ""
        cache = Cache(dataset.instructions_jsonl(task.video_id), pairs)
    except UserError as error:
        return error
    waiting = [pair for pair in pairs if cache.find(pair, labeler, rule) is None]
    return _Video(pairs, regions, rule, cache, waiting)


def _batches(videos: Sequence[_Video], size: int) -> Iterator[list[tuple[_Video, Pair]]]:
    everything = [(video, pair) for video in videos for pair in video.waiting]
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def _next(
    batches: Iterator[list[tuple[_Video, Pair]]], labeler: Labeler
) -> tuple[list[tuple[_Video, Pair]], Any] | None:
    """The next batch that can be read, and what the labeler made of it; None after the last."""
    for batch in batches:
        readable, images = [], []
        for video, pair in batch:
            try:
                images.append(_images(video, pair))
                readable.append((video, pair))
            except (UserError, ValueError) as error:
                video.problems.append(f"pair {pair.pair_id} cannot be read: {error}")
        if readable:
            return readable, labeler.prepare(images)
    return None


def _images(video: _Video, pair: Pair) -> PairImages:
    region = video.regions[pair.pair_id]
    return PairImages(
        current=pair.current.image(),
        next=pair.next.image(),
        target=pair.target.image(),
        mask=region.masks(f"regions of {pair.video_id}")[0],
    )


def _answer(batch: list[tuple[_Video, Pair]], prepared: Any, labeler: Labeler) -> None:
    """Ask about a batch, and save what comes."""
    answers: list[Answer | None]
    why = ""
    try:
        answers = [*labeler.answer(prepared)]
    except Unanswered as unanswered:
        answers, why = unanswered.answers, str(unanswered)
    new: dict[int, list[Instruction]] = {}
    videos = {id(video): video for video, _ in batch}
    for (video, pair), answer in zip(batch, answers, strict=True):
        if answer is None:
            video.problems.append(why)
        else:
            row = _instruction(pair, answer, labeler, video.rule)
            new.setdefault(id(video), []).append(row)
            video.num_asked += 1
    for number, rows in new.items():
        videos[number].cache.append(rows)


def _closed(video: _Video, labeler: Labeler) -> VideoResult | UserError:
    video.cache.save()
    if video.problems:
        return UserError(
            f"{len(video.problems)} of {len(video.pairs)} pairs have no answer: {video.problems[0]}"
            " (run again to ask about them alone)"
        )
    found = [video.cache.find(pair, labeler, video.rule) for pair in video.pairs]
    texts = [answer.text for answer in found if answer is not None]
    return {"pairs": len(video.pairs), "asked": video.num_asked, "texts": texts}


def _instruction(pair: Pair, answer: Answer, labeler: Labeler, rule: str) -> Instruction:
    score = answer.mean_log_probability
    return Instruction(
        pair_id=pair.pair_id,
        video_id=pair.video_id,
        content_hash=pair.content_hash,
        raw_text=answer.text,
        text=normalise(answer.text),
        # Six digits: the last bits of a confidence mean nothing and differ between machines.
        confidence=round(answer.confidence, 6),
        mean_log_probability=None if score is None else round(score, 6),
        labeler=labeler.name,
        prompt=labeler.prompt,
        region_rule=rule,
    )


_labelers: dict[str, Labeler] = {}


def labeler_of(config: InstructionsConfig) -> Labeler:
    """One labeler a process, shared by all of its tasks: a model is loaded once."""
    key = config.model_dump_json()
    if key not in _labelers:
        _labelers[key] = make_labeler(config)
    return _labelers[key]
