"""Ingests one studio film and scores the outcome against the film's ground truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.benchmark.geometry import corner_errors
from ingest.benchmark.pictures import PictureScore, score_pictures
from ingest.benchmark.steps import StepScore, score_steps
from ingest.execution.zygote import preload
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import read_keyframes
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow
from ingest.studio.script.truth import Truth, truth_folder
from ingest.video.analysis import analyse_placed
from ingest.video.decoding.decode import Video
from ingest.video.placement.place import Placement, place_canvas
from ingest.video.registration.sampled_video import SampledVideo, register_video


@dataclass(frozen=True)
class FilmScore:
    """The scores of one film. Lists have one item per keyframe (corners: four)."""

    name: str
    status: str
    reason: str
    expected_reasons: tuple[str, ...]
    """Correct reasons for refusing this film; empty if it is a painting."""
    ingest_s: float
    """Processor time of ingest on one core."""
    decode_s: float
    """Processor time of decoding every frame with decord on one core."""
    sampling_s: float
    """Mean seconds between sampled frames."""
    parts_s: dict[str, float] = field(default_factory=dict)
    """Processor time of the parts of ingest: decode, register, clean, write."""
    corner_errors_px: list[float] = field(default_factory=list)
    """Distances of `corner_errors`."""
    pictures: list[PictureScore] = field(default_factory=list)
    steps: StepScore | None = None

    @property
    def is_right(self) -> bool:
        """Whether the film was correctly kept, or refused for an expected reason."""
        if self.expected_reasons:
            return self.status == "refused" and self.reason in self.expected_reasons
        return self.status == "kept"


def score_film(video: Path, out: Path, config: IngestConfig) -> FilmScore:
    """Ingest one studio film into the dataset `out` and compare it with its ground truth."""
    truth = Truth(truth_folder(video))
    preload()  # a worker has loaded its modules before its first video, too
    decode_s = decord_decode_s(video)
    start = time.process_time()
    outcome = make_ingest_video(config, out)(SourceRow(uri=str(video)))
    ingest_s = time.process_time() - start
    frames = max(1, outcome.num_sampled_frames)
    score = FilmScore(
        name=video.stem,
        status=outcome.status,
        reason=outcome.reason,
        expected_reasons=tuple(truth.expected_refusal),
        ingest_s=ingest_s,
        decode_s=decode_s,
        sampling_s=(outcome.duration_s or 0.0) / frames,
    )
    if outcome.status != "kept" or score.expected_reasons:
        # A film in which nothing is painted has no true canvas.
        return score
    keyframes = read_keyframes(Dataset(out), outcome.video_id)
    score.corner_errors_px.extend(corner_errors(truth, keyframes))
    score.pictures.extend(score_pictures(truth, keyframes))
    more = {"steps": score_steps(truth, keyframes), "parts_s": parts_s(video, config, ingest_s)}
    return FilmScore(**{**vars(score), **more})


def parts_s(video: Path, config: IngestConfig, ingest_s: float) -> dict[str, float]:
    """Processor time of the parts of an ingest that took `ingest_s`, by running its stages again.

    "write" is the rest: selecting, composing and storing keyframes.
    """
    source = Video(video, config.decode)
    decode = _process_s(lambda: [None for _ in source.frames(source.sample_times())])
    sampled: list[SampledVideo] = []
    placed: list[Placement] = []
    sampling = _process_s(lambda: sampled.append(register_video(source, config.align)))
    placing = _process_s(
        lambda: placed.append(place_canvas(sampled[0], video.name, config.canvas, config.segmenter))
    )
    clean = _process_s(
        lambda: analyse_placed(sampled[0], placed[0], config.occlusion, config.segmenter)
    )
    return {
        "decode": decode,
        "register": sampling - decode + placing,
        "clean": clean,
        "write": ingest_s - sampling - placing - clean,
    }


def _process_s(work: Callable[[], object]) -> float:
    """Processor seconds that `work` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def decord_decode_s(video: Path) -> float:
    """Processor seconds that decord takes to decode every frame of a file in one thread."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)

    def decode() -> None:
        reader = decord.VideoReader(str(video), num_threads=1)
        for index in range(len(reader)):
            reader[index]

    return _process_s(decode)
