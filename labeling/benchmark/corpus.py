"""Makes a labeled dataset of any size for benchmarks: random patches of texture on canvases."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from ingest.conventions.atomic import write_json
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, encode_mask
from ingest.format.schema import Keyframe, encode_keyframe
from ingest.format.tar import write_tar
from ingest.ledger.outcome import VideoOutcome
from labeling.instructions.labeler_factory import InstructionsConfig, make_labeler
from labeling.instructions.table import Cache, Instruction, merge_table
from labeling.pairs import Pair, read_pairs
from labeling.regions.record import RegionRecord, StoredRegion
from labeling.regions.regions import REGIONS_VERSION, RegionsConfig, store_regions

WORDS = ("sky", "mountain", "tree", "water")
"""Instructions of the pairs, in turn."""
MIN_CHANGE = 24
"""Difference of a channel above which a pixel is in the mask."""


def make_corpus(
    root: Path, num_videos: int, num_keyframes: int, size: tuple[int, int], with_labels: bool = True
) -> Dataset:
    """Write keyframes of `size` (H, W) and, with labels, masks and an instruction for each pair."""
    dataset = Dataset(root)
    for number in range(num_videos):
        video_id = f"{number:016x}"
        _write_video(dataset, video_id, _canvases(number, num_keyframes, size))
        if with_labels:
            pairs = read_pairs(dataset, video_id)[1]
            store_regions(dataset, video_id, [_region(pair) for pair in pairs])
            Cache(dataset.instructions_jsonl(video_id), pairs).append(
                [_instruction(pair, index) for index, pair in enumerate(pairs)]
            )
    if with_labels:
        merge_table(dataset, dataset.video_ids(), InstructionsConfig(), RegionsConfig())
    return dataset


def _canvases(seed: int, number: int, size: tuple[int, int]) -> list[np.ndarray]:
    """A blank canvas, and after it canvases with one textured ellipse more each."""
    rng = np.random.default_rng(seed)
    height, width = size
    canvas = np.full((height, width, 3), 225, np.uint8)
    canvases = [canvas.copy()]
    for _ in range(number - 1):
        coarse = rng.integers(0, 255, (max(2, height // 12), max(2, width // 12), 3), np.uint8)
        paint = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros((height, width), np.uint8)
        center = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        axes = (max(2, int(width * rng.uniform(0.1, 0.4))), max(2, int(height * 0.2)))
        cv2.ellipse(mask, center, axes, rng.uniform(0, 180), 0, 360, 1, -1)
        canvas = np.where(mask[..., None] > 0, paint, canvas)
        canvases.append(canvas)
    return canvases


def _write_video(dataset: Dataset, video_id: str, canvases: list[np.ndarray]) -> None:
    last = len(canvases) - 1
    samples = []
    for index, canvas in enumerate(canvases):
        keyframe = Keyframe(
            video_id=video_id, index=index, time_s=20.0 * index, frame_index=index,
            target=last, is_bare=index == 0,
        )  # fmt: skip
        fields = encode_keyframe(keyframe, encode_image(canvas, "jpg"), "jpg")
        samples.append((f"{video_id}-k{index:04d}", fields))
    write_tar(dataset.keyframes_tar(video_id), samples)
    outcome = VideoOutcome(
        video_id=video_id, uri=f"{video_id}.mp4", painting_id=video_id, source="benchmark",
        split="train", status="kept", span_s=(0.0, 20.0 * last), num_keyframes=len(canvases),
        ingest_version="benchmark",
    )  # fmt: skip
    write_json(dataset.outcome_json(video_id), json.loads(outcome.model_dump_json()))


def _region(pair: Pair) -> StoredRegion:
    """Masks of a pair by colour difference."""
    canvases = (pair.current, pair.next, pair.target)
    current, following, target = (canvas.image().astype(np.int16) for canvas in canvases)
    mask, difference = (
        np.abs(other - current).max(axis=2) > MIN_CHANGE for other in (following, target)
    )
    record = RegionRecord(
        pair_id=pair.pair_id, content_hash=pair.content_hash, rule=RegionsConfig().rule,
        version=REGIONS_VERSION, mask_area=float(mask.mean()),
        difference_area=float(difference.mean()), mean_distance=0.0, mean_difference=0.0,
    )  # fmt: skip
    return StoredRegion(record, encode_mask(mask), encode_mask(difference))


def _instruction(pair: Pair, index: int) -> Instruction:
    labeler = make_labeler(InstructionsConfig())
    word = WORDS[index % len(WORDS)]
    return Instruction(
        pair_id=pair.pair_id, video_id=pair.video_id, content_hash=pair.content_hash,
        raw_text=word, text=word, confidence=0.5, labeler=labeler.name, prompt=labeler.prompt,
        region_rule=RegionsConfig().rule,
    )  # fmt: skip
