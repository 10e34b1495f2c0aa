"""One film through ingest and against its truth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ingest.benchmark.geometry import corner_errors
from ingest.benchmark.pictures import PictureScore, score_pictures
from ingest.benchmark.steps import StepScore, score_steps
from ingest.dataset import Dataset
from ingest.discover import SourceRow
from ingest.outcome import read_keyframes
from ingest.settings import IngestConfig
from ingest.studio.truth import Truth, truth_folder
from ingest.video import make_ingest_video


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
    """Bare decord decoding of every frame on one core."""
    sampling_s: float
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
    decode_s = bare_decode_s(video)
    start = time.perf_counter()
    outcome = make_ingest_video(config, out)(SourceRow(uri=str(video)))
    ingest_s = time.perf_counter() - start
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
    return FilmScore(**{**vars(score), "steps": score_steps(truth, keyframes)})


def bare_decode_s(video: Path) -> float:
    """Seconds that decord needs to decode every frame of a file, one thread, nothing else done."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    start = time.perf_counter()
    reader = decord.VideoReader(str(video), num_threads=1)
    for index in range(len(reader)):
        reader[index]
    return time.perf_counter() - start
