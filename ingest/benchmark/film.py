"""One film through ingest and against its truth."""

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
from ingest.video.placement.place import Placed, place_canvas
from ingest.video.registration.observation import Look, look_at


@dataclass(frozen=True)
class FilmScore:
    """What came of one film. Lists are one a keyframe (corners: four)."""

    name: str
    status: str
    reason: str
    expected_reasons: tuple[str, ...]
    """Reasons that are right for this film; empty if it is a painting."""
    ingest_s: float
    decode_s: float
    """Processor time of whole ingest, and of bare decord decoding of every frame, on one core."""
    sampling_s: float
    parts_s: dict[str, float] = field(default_factory=dict)
    """Processor time of the parts of ingest: decode, register, clean, write."""
    corner_errors_px: list[float] = field(default_factory=list)
    pictures: list[PictureScore] = field(default_factory=list)
    steps: StepScore | None = None

    @property
    def is_right(self) -> bool:
        """Whether it was kept or refused as it should be."""
        if self.expected_reasons:
            return self.status == "refused" and self.reason in self.expected_reasons
        return self.status == "kept"


def score_film(video: Path, out: Path, config: IngestConfig) -> FilmScore:
    """Ingest one studio film into the empty dataset `out` and compare it with its truth."""
    truth = Truth(truth_folder(video))
    preload()  # as a worker has done before its first video
    decode_s = bare_decode_s(video)
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
        # Where nothing is painted, there is no canvas to compare with.
        return score
    keyframes = read_keyframes(Dataset(out), outcome.video_id)
    score.corner_errors_px.extend(corner_errors(truth, keyframes))
    score.pictures.extend(score_pictures(truth, keyframes))
    more = {"steps": score_steps(truth, keyframes), "parts_s": parts_s(video, config, ingest_s)}
    return FilmScore(**{**vars(score), **more})


def parts_s(video: Path, config: IngestConfig, ingest_s: float) -> dict[str, float]:
    """Processor time of the parts of an ingest that took `ingest_s`; the stages run once more.

    Writing is what is left: choosing, composing and storing keyframes.
    """
    source = Video(video, config.decode)
    decode = _process_s(lambda: [None for _ in source.frames(source.sample_times())])
    look: list[Look] = []
    placed: list[Placed] = []
    looking = _process_s(lambda: look.append(look_at(source, config.align)))
    placing = _process_s(
        lambda: placed.append(place_canvas(look[0], video.name, config.canvas, config.segmenter))
    )
    clean = _process_s(
        lambda: analyse_placed(look[0], placed[0], config.occlusion, config.segmenter)
    )
    return {
        "decode": decode,
        "register": looking - decode + placing,
        "clean": clean,
        "write": ingest_s - looking - placing - clean,
    }


def _process_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def bare_decode_s(video: Path) -> float:
    """Processor time that decord needs to decode every frame of a file, one thread, nothing else
    done."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)

    def decode() -> None:
        reader = decord.VideoReader(str(video), num_threads=1)
        for index in range(len(reader)):
            reader[index]

    return _process_s(decode)
