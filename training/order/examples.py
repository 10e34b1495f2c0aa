"""Training examples: pictures of known processes, as tokens with labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from ingest.conventions.atomic import atomic_file
from ingest.format.images import resize_short_side, sha256
from ingest.format.schema import Sample, Split
from ingest.studio.painting.formats import Subject
from ingest.studio.painting.planner import plan_painting
from training.backbone.backbone import picture_features
from training.order.labels import PlaceLabels, place_labels
from training.order.network import SEEN_SIDE_PX, place_channels
from training.streaming.stream import read_index, read_shards

PAINTED_SIDE_PX = 320
"""Short side at which the studio paints."""
PAINTED_CHANGE = 14
"""A pixel counts as painted by a step if its largest channel changes by more than this."""
LABELS_VERSION = 2
"""Raised when the same process gives other labels: stored examples are made again."""
MASK_SIDE_PX = 140
"""Short side at which masks of shards are kept: five pixels a token."""
ASPECTS = (1.25, 1.5, 1.0, 0.8, 1.6)
"""Width over height of studio pictures."""


@dataclass(frozen=True, eq=False)
class Example:
    """One picture."""

    places: np.ndarray
    """float16 (773, rows, columns), `place_channels`."""
    labels: PlaceLabels


def studio_example(seed: int, vocabulary: Sequence[str], recolours: bool = True) -> Example:
    """The studio's painting of a seed: half of the seeds are landscapes, a quarter each portraits
    and still lifes; with `recolours` two thirds in other colours than the studio's."""
    rng = np.random.default_rng([seed, 91])
    subject = studio_subject(seed)
    aspect = ASPECTS[int(rng.integers(len(ASPECTS)))] if subject != "portrait" else 0.8
    canvases, words = studio_canvases(seed, subject, aspect)
    picture = canvases[-1]
    if recolours and rng.random() < 0.66:
        picture = recoloured(picture, rng)
    features = picture_features(picture, SEEN_SIDE_PX)
    masks = [
        np.abs(after.astype(np.int16) - before).max(axis=2) > PAINTED_CHANGE
        for before, after in pairwise(canvases)
    ]
    labels = place_labels(zip(words, masks, strict=True), vocabulary, features.tokens.shape[:2])
    assert labels is not None, "a studio painting has strokes"
    return Example(place_channels(picture, features.tokens).astype(np.float16), labels)


def studio_subject(seed: int) -> Subject:
    """What the studio paints by a seed."""
    subjects: tuple[Subject, ...] = ("landscape", "landscape", "portrait", "still_life")
    return subjects[seed % len(subjects)]


def stored_studio_example(
    folder: Path, seed: int, vocabulary: Sequence[str], recolours: bool
) -> Example:
    """`studio_example`, read from `folder` if it was made before with the same vocabulary."""
    kind = "recoloured" if recolours else "plain"
    words = sha256(" ".join(vocabulary).encode())[:8]
    path = folder / f"{kind}-{seed}-{words}-{LABELS_VERSION}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            labels = PlaceLabels(stored["first"], stored["last"], stored["word"])
            return Example(stored["places"], labels)
    made = studio_example(seed, vocabulary, recolours)
    with atomic_file(path) as file:
        labels = made.labels
        np.savez(file, places=made.places, first=labels.first, last=labels.last, word=labels.word)
    return made


def studio_canvases(
    seed: int, subject: Subject, aspect: float
) -> tuple[list[np.ndarray], list[str]]:
    """All canvases of a studio painting from the blank one, RGB uint8; the word of each step."""
    plan = plan_painting(seed, aspect, subject)
    width = round(PAINTED_SIDE_PX * max(1.0, aspect))
    canvas = plan.canvas(width, round(width / aspect))
    canvases, words = [canvas.picture().copy()], []
    for step in plan.steps:
        for stroke in step.strokes:
            canvas.apply(stroke)
        canvases.append(canvas.picture().copy())
        words.append(step.word)
    return canvases, words


def dataset_examples(dataset: Path, split: Split, vocabulary: Sequence[str]) -> Iterator[Example]:
    """The processes of a dataset's shards: regions and words of each video in order of time."""
    samples = (raw.decode() for raw in read_shards(read_index(dataset, split)))
    for process in collect_processes(samples):
        features = picture_features(process.target, SEEN_SIDE_PX)
        labels = place_labels(process.steps(), vocabulary, features.tokens.shape[:2])
        if labels is not None:
            places = place_channels(process.target, features.tokens)
            yield Example(places.astype(np.float16), labels)


@dataclass(eq=False)
class CollectedProcess:
    """The steps of one painting, in the order in which they were read."""

    target: np.ndarray
    """RGB uint8 (H, W, 3), at the size that the backbone sees."""
    times_s: list[float]
    words: list[str]
    masks: list[np.ndarray]
    """bool (h, w) of `MASK_SIDE_PX`."""

    def steps(self) -> Iterator[tuple[str, np.ndarray]]:
        """Word and region of each step in order of time."""
        for number in np.argsort(self.times_s, kind="stable"):
            yield self.words[number], self.masks[number]


def collect_processes(samples: Iterable[Sample]) -> list[CollectedProcess]:
    """The processes of samples in any order (shards hold them shuffled), by painting and target, in
    the order of their ids. Pictures and masks are kept small, so that thousands fit into memory."""
    found: dict[tuple[str, str], CollectedProcess] = {}
    for sample in samples:
        origin = sample.provenance
        key = origin.video_id, origin.target.sha256
        if key not in found:
            small = resize_short_side(sample.target, min(SEEN_SIDE_PX, *sample.target.shape[:2]))
            found[key] = CollectedProcess(small, [], [], [])
        height, width = sample.mask.shape
        scale = min(1.0, MASK_SIDE_PX / min(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        mask = cv2.resize(sample.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        process = found[key]
        process.times_s.append(origin.next.time_s)
        process.words.append(sample.instruction)
        process.masks.append(mask)
    return [found[key] for key in sorted(found)]


def recoloured(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture with other Lab means and contrasts, as painters of other times had them."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    mean, deviation = lab.mean(axis=(0, 1)), lab.std(axis=(0, 1)) + 1e-3
    wanted_mean = np.array([rng.uniform(80, 170), rng.normal(130, 7), rng.normal(136, 10)])
    wanted_deviation = np.array([rng.uniform(30, 60), rng.uniform(4, 14), rng.uniform(6, 18)])
    changed = (lab - mean) / deviation * wanted_deviation + wanted_mean
    changed = changed.clip(0, 255).astype(np.uint8)
    return cv2.cvtColor(changed, cv2.COLOR_LAB2RGB)
