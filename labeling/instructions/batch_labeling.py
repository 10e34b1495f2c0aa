"""Labels the pairs of videos in batches; every batch of answers is saved before the next one.

A batch may hold pairs of several videos. While the labeler answers a batch, another thread reads,
decodes and prepares the next one, so that a GPU does not wait.
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
from labeling.instructions.labeler_factory import InstructionsConfig, make_labeler
from labeling.instructions.normalisation import normalise
from labeling.instructions.table import Cache, Instruction
from labeling.pairs import Pair, read_pairs
from labeling.regions.record import StoredRegion
from labeling.regions.regions import RegionsConfig, matching_region, read_regions


@dataclass(frozen=True)
class InstructionTask:
    """Input of the Ray task that labels one video."""

    root: Path
    video_id: str
    regions: RegionsConfig
    instructions: InstructionsConfig


@dataclass(eq=False)
class _Video:
    """A video while its pairs are labeled."""

    pairs: list[Pair]
    regions: dict[str, StoredRegion]
    """By pair id."""
    rule: str
    """Region rule that the answers depend on; empty for a labeler that ignores masks."""
    cache: Cache
    unanswered: list[Pair]
    problems: list[str] = field(default_factory=list)
    """Why pairs got no answer, a sentence each."""
    num_asked: int = 0


Batch = list[tuple[_Video, Pair]]
"""Pairs that are labeled together, each with its video."""
VideoResult = dict[str, Any]
"""``pairs``: their number; ``asked``: how many were new to the labeler; ``texts``: instructions."""


def label_instructions(task: InstructionTask) -> VideoResult:
    """Label the pairs of one video that this labeler has not answered before.

    Raises:
        UserError: the video cannot be read, or some pairs got no answer (the others are saved).
    """
    result = label_videos([task], shared_labeler(task.instructions))[0]
    if isinstance(result, UserError):
        raise result
    return result


def label_videos(
    tasks: Sequence[InstructionTask], labeler: Labeler
) -> list[VideoResult | UserError]:
    """`label_instructions` for several videos, in batches over all of them.

    An exception of the labeler other than `Unanswered` is passed on; earlier batches are saved.

    Returns:
        For each video its result, or the error that `label_instructions` would raise.
    """
    videos = [_open_video(task, labeler) for task in tasks]
    batch_size = tasks[0].instructions.batch_size
    batches = _batches([video for video in videos if isinstance(video, _Video)], batch_size)
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(_prepare_next, batches, labeler)
        while (current := upcoming.result()) is not None:
            batch, prepared = current
            upcoming = reader.submit(_prepare_next, batches, labeler)
            _answer(batch, prepared, labeler)
    return [video if isinstance(video, UserError) else _finish(video, labeler) for video in videos]


def _open_video(task: InstructionTask, labeler: Labeler) -> _Video | UserError:
    """Read pairs, regions and cached answers of a video; returns the error if that fails."""
    dataset = Dataset(task.root)
    try:
        _, pairs = read_pairs(dataset, task.video_id)
        stored = read_regions(dataset, task.video_id)
        regions = {p.pair_id: matching_region(p, stored, task.regions, dataset) for p in pairs}
        rule = task.regions.rule if labeler.reads_mask else ""
        cache = Cache(dataset.instructions_jsonl(task.video_id), pairs)
    except UserError as error:
        return error
    unanswered = [pair for pair in pairs if cache.find(pair, labeler, rule) is None]
    return _Video(pairs, regions, rule, cache, unanswered)


def _batches(videos: Sequence[_Video], size: int) -> Iterator[Batch]:
    """The unanswered pairs of all videos, `size` at a time."""
    unanswered = [(video, pair) for video in videos for pair in video.unanswered]
    for start in range(0, len(unanswered), size):
        yield unanswered[start : start + size]


def _prepare_next(batches: Iterator[Batch], labeler: Labeler) -> tuple[Batch, Any] | None:
    """The readable pairs of the next batch that has any, and the labeler's input for them.

    Returns:
        None after the last batch.
    """
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
    """Decode the images and the mask of a pair."""
    region = video.regions[pair.pair_id]
    return PairImages(
        current=pair.current.image(),
        next=pair.next.image(),
        target=pair.target.image(),
        mask=region.masks(f"regions of {pair.video_id}")[0],
    )


def _answer(batch: Batch, prepared: Any, labeler: Labeler) -> None:
    """Let the labeler answer a batch, and save the answers."""
    answers: list[Answer | None]
    reason = ""
    try:
        answers = [*labeler.answer(prepared)]
    except Unanswered as unanswered:
        answers, reason = unanswered.answers, str(unanswered)
    new: dict[int, list[Instruction]] = {}
    videos = {id(video): video for video, _ in batch}
    for (video, pair), answer in zip(batch, answers, strict=True):
        if answer is None:
            video.problems.append(reason)
        else:
            row = _instruction(pair, answer, labeler, video.rule)
            new.setdefault(id(video), []).append(row)
            video.num_asked += 1
    for key, rows in new.items():
        videos[key].cache.append(rows)


def _finish(video: _Video, labeler: Labeler) -> VideoResult | UserError:
    """Save the cache of a video in its final order.

    Returns:
        The result of the video, or an error if some pairs have no answer.
    """
    video.cache.save()
    if video.problems:
        return UserError(
            f"{len(video.problems)} of {len(video.pairs)} pairs have no answer: {video.problems[0]}"
            " (run again to ask about them alone)"
        )
    answers = [video.cache.find(pair, labeler, video.rule) for pair in video.pairs]
    texts = [answer.text for answer in answers if answer is not None]
    return {"pairs": len(video.pairs), "asked": video.num_asked, "texts": texts}


def _instruction(pair: Pair, answer: Answer, labeler: Labeler, rule: str) -> Instruction:
    score = answer.mean_log_probability
    return Instruction(
        pair_id=pair.pair_id,
        video_id=pair.video_id,
        content_hash=pair.content_hash,
        raw_text=answer.text,
        text=normalise(answer.text),
        # Rounded, because the last bits of a confidence differ between machines.
        confidence=round(answer.confidence, 6),
        mean_log_probability=None if score is None else round(score, 6),
        labeler=labeler.name,
        prompt=labeler.prompt,
        region_rule=rule,
    )


_labelers: dict[str, Labeler] = {}
"""Labelers of this process, by config as JSON."""


def shared_labeler(config: InstructionsConfig) -> Labeler:
    """The labeler of a config, shared by all tasks of this process, so its model is loaded once."""
    key = config.model_dump_json()
    if key not in _labelers:
        _labelers[key] = make_labeler(config)
    return _labelers[key]
