"""Every sampled frame has one fate, and the table agrees with the counts of the outcome."""

from __future__ import annotations

import collections
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.tar import write_tar
from ingest.ledger.frame_table import FrameFate, drop_counts, read_frames, write_frames
from ingest.ledger.outcome import VideoOutcome, read_keyframes
from ingest.ledger.reasons import FRAME_REASONS
from ingest.ledger.reuse import reusable_outcome
from ingest.ledger.source_files import write_outcome, write_unkept
from ingest.per_source.frame_fates import frame_fates
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow
from ingest.video.analysis import Analysis, SampledFrame
from ingest.video.canvas.canvas import Canvas
from ingest.video.decoding.decode import Video
from ingest.video.decoding.frame_cache import FrameCache
from ingest.video.keyframes.painting_span import Span
from ingest.video.keyframes.selection import SelectedKeyframe
from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.registration.sampled_video import SampledVideo
from ingest.video.registration.tracking import Pose

SPEED = 4.0
PAINT, SKIN = 200, 90


@pytest.fixture(scope="module")
def ingested(film, quick, tmp_path_factory) -> tuple[Dataset, VideoOutcome]:
    dataset = Dataset(tmp_path_factory.mktemp("dataset"))
    return dataset, make_ingest_video(quick, dataset.root)(SourceRow(str(film.path), speed=SPEED))


def test_every_sampled_frame_appears_once(ingested, film, quick: IngestConfig) -> None:
    dataset, outcome = ingested
    fates = read_frames(dataset, outcome.video_id)
    video = Video(film.path, quick.decode)
    sampled = [(f.index, round(SPEED * f.time_s, 3)) for f in video.frames(video.sample_times())]
    assert [(fate.index, fate.time_s) for fate in fates] == sampled
    assert len(set(sampled)) == len(fates) == outcome.num_sampled_frames


def test_the_table_says_what_the_outcome_counts(ingested) -> None:
    dataset, outcome = ingested
    fates = read_frames(dataset, outcome.video_id)
    assert all(bool(f.reason) != bool(f.keyframes) for f in fates), "used or dropped, never both"
    assert {f.reason for f in fates} - {""} <= set(FRAME_REASONS)
    assert drop_counts(fates) == outcome.dropped


def test_every_keyframe_names_its_frames(ingested) -> None:
    dataset, outcome = ingested
    fates = read_frames(dataset, outcome.video_id)
    used = {k for fate in fates for k in fate.keyframes}
    assert used == set(range(outcome.num_keyframes))
    times = {fate.index: fate.time_s for fate in fates}
    for stored in read_keyframes(dataset, outcome.video_id):
        assert times[stored.keyframe.frame_index] == stored.keyframe.time_s


def synthetic() -> tuple[Analysis, Span, list[SelectedKeyframe]]:
    """Fourteen frames of shot 0 in seven bins, two strays among them, three of an end card."""
    frames = np.full((14, 8, 8, 3), PAINT, np.uint8)
    frames[6] = SKIN
    shots = [0] * 5 + [1, 1] + [0] * 9 + [2] * 3
    sampled = [
        SampledFrame(10 * i, i / 2, Pose(t, np.eye(3)), frames[0], frames[0, ..., 0])
        for i, t in enumerate(shots)
    ]
    used = [i for i, t in enumerate(shots) if t == 0]
    off = np.zeros((7, 8, 8), bool)
    history = CanvasHistory(
        bins=np.array_split(np.arange(14), 7),
        states=np.full((7, 8, 8, 3), PAINT, np.uint8),
        occluded=off,
        unsure=off,
        tolerance=np.full((8, 8), 13, np.float32),
        never_seen=off[0],
        representative_frames=np.arange(0, 14, 2),
    )
    analysis = object.__new__(Analysis)
    for name, value in {
        "sampled": SampledVideo(sampled, 360, FrameCache(), (8, 8, 3)),
        "used": used,
        "canvas": Canvas(np.zeros((4, 2)), "frame", 0.0),
        "frames": frames,
        "history": history,
    }.items():
        object.__setattr__(analysis, name, value)
    choice = SelectedKeyframe(2, 4, 0.1, 0.0, 0.0, {4: off[0], 8: off[0]})
    return analysis, Span(1, 5), [choice, replace(choice, bin=4, frame=8, source_masks={8: off[0]})]


def test_a_short_end_card_is_another_shot_and_no_lost_frame() -> None:
    analysis, span, selected = synthetic()
    del analysis.sampled_frames[-1]
    reasons = [fate.reason for fate in frame_fates(analysis, span, selected, speed=1.0)]
    assert reasons[5:7] == ["not-registered"] * 2
    assert reasons[-2:] == ["other-shot"] * 2


def test_each_frame_gets_the_reason_that_fits() -> None:
    fates = frame_fates(*synthetic(), speed=2.0)
    assert [(f.index, f.time_s) for f in fates] == [(10 * i, float(i)) for i in range(19)]
    expected = ["before-painting"] * 2 + ["unchanged"] * 2 + [""] + ["not-registered"] * 2
    expected += ["unchanged", "covered", "unchanged", "", *["unchanged"] * 3]
    expected += ["after-painting"] * 2 + ["other-shot"] * 3
    assert [f.reason for f in fates] == expected
    assert [f.keyframes for f in fates if f.keyframes] == [(0,), (0, 1)]
    assert drop_counts(fates) == dict(sorted(collections.Counter(filter(None, expected)).items()))


def test_the_table_is_deterministic_and_read_back_whole(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    fates = [FrameFate(None, 0.1, keyframes=(0, 3)), FrameFate(7, 1 / 3, "covered")]
    write_frames(dataset, "a", fates)
    write_frames(dataset, "b", fates)
    assert read_frames(dataset, "a") == fates
    first, second = (dataset.frames_parquet(name).read_bytes() for name in "ab")
    assert first == second


def test_a_missing_or_damaged_table_says_what_to_do(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    with pytest.raises(UserError, match=r"a\.frames\.parquet is not found.*python -m ingest"):
        read_frames(dataset, "a")
    write_frames(dataset, "a", [FrameFate(0, 0.0, keyframes=(0,))])
    dataset.frames_parquet("a").write_bytes(dataset.frames_parquet("a").read_bytes()[:60])
    with pytest.raises(UserError, match="damaged"):
        read_frames(dataset, "a")


def test_the_table_goes_with_the_video(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    write_frames(dataset, "a", [FrameFate(0, 0.0, keyframes=(0,))])
    write_unkept(dataset, VideoOutcome(video_id="a", uri="x", painting_id="a", status="refused"))
    assert not dataset.frames_parquet("a").exists()


def test_without_its_table_a_video_is_made_again(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    outcome = VideoOutcome(video_id="a", uri="x", painting_id="a", status="kept")
    write_outcome(dataset, outcome)
    write_tar(dataset.keyframes_tar("a"), [("a-k0000", {"jpg": b"1"})])
    write_frames(dataset, "a", [FrameFate(0, 0.0, keyframes=(0,))])
    assert reusable_outcome(dataset, "a", "x", "") == outcome
    dataset.frames_parquet("a").unlink()
    assert reusable_outcome(dataset, "a", "x", "") is None


@pytest.mark.parametrize("damaged", ["keyframes_tar", "frames_parquet"])
def test_a_video_with_a_file_that_was_cut_short_is_made_again(tmp_path: Path, damaged: str) -> None:
    dataset = Dataset(tmp_path)
    write_outcome(dataset, VideoOutcome(video_id="a", uri="x", painting_id="a", status="kept"))
    write_tar(dataset.keyframes_tar("a"), [("a-k0000", {"jpg": b"1"})])
    write_frames(dataset, "a", [FrameFate(0, 0.0, keyframes=(0,))])
    file = getattr(dataset, damaged)("a")
    file.write_bytes(file.read_bytes()[: 700 if damaged == "keyframes_tar" else -100])
    assert reusable_outcome(dataset, "a", "x", "") is None
