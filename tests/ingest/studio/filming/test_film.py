"""A film and its ground truth agree; filming is reproducible."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ingest.conventions.errors import UserError
from ingest.studio.camera.camera import composite_canvas
from ingest.studio.filming.film import film_video
from ingest.studio.script.truth import Truth, truth_folder
from ingest.studio.settings import StudioConfig

SEED = 15
SMALL = StudioConfig(side_px=112, fps=8, seconds=9.0, grid_s=0.5)


@pytest.fixture(scope="module")
def frames(filmed: Path) -> list[np.ndarray]:
    with av.open(str(filmed)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def truth(filmed: Path) -> Truth:
    return Truth(truth_folder(filmed))


def rectified(frame: np.ndarray, truth: Truth, index: int) -> np.ndarray:
    width, height = truth.canvas_px
    corners = truth.corners_at(index / truth.fps)
    assert corners is not None
    square = np.array(
        [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], np.float32
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), square)
    return cv2.warpPerspective(frame, matrix, (width, height))


def test_every_frame_is_there(frames: list[np.ndarray], truth: Truth) -> None:
    assert len(frames) == truth.num_frames == len(truth.shots) == len(truth.occluded) == 72
    assert frames[0].shape[:2] == (truth.frame_px[1], truth.frame_px[0])


def test_shots_follow_one_another(truth: Truth) -> None:
    changes = [s for i, s in enumerate(truth.shots) if i == 0 or s != truth.shots[i - 1]]
    assert changes[0] in ("title", "flash")
    assert changes[1:] == ["painting", "beauty", "end_card"]


def test_unoccluded_frames_show_the_true_canvas(frames: list[np.ndarray], truth: Truth) -> None:
    checked = 0
    for index, frame in enumerate(frames):
        time_s = index / truth.fps
        on_grid = (time_s / SMALL.grid_s) % 1 == 0
        if truth.shots[index] == "painting" and truth.occluded[index] == 0 and on_grid:
            seen = rectified(frame, truth, index).astype(float)
            true = truth.canvas_at(time_s).astype(float)
            # Light and white balance drift; the picture below them is the same.
            assert np.corrcoef(seen.ravel(), true.ravel())[0, 1] > 0.9 or true.std() < 12
            assert np.abs(seen - true).mean() < 22
            checked += 1
    assert checked >= 3


def test_the_hand_occludes_the_canvas_in_some_frames_only(truth: Truth) -> None:
    occluded = np.array(truth.occluded)[np.array(truth.shots) == "painting"]
    assert (occluded > 0.02).mean() > 0.3
    assert (occluded == 0).mean() > 0.15


def test_the_hand_is_where_the_truth_says(frames: list[np.ndarray], truth: Truth) -> None:
    index = int(np.argmax(truth.occluded))
    seen = rectified(frames[index], truth, index).astype(float)
    true = truth.canvas_at(index / truth.fps).astype(float)
    gain = np.median(seen.mean(axis=2)) / max(np.median(true.mean(axis=2)), 1)
    different = np.abs(seen - true * gain).max(axis=2) > 45
    assert different.mean() > truth.occluded[index] * 0.4


def test_steps_lie_in_the_span_and_end_in_the_finished_picture(truth: Truth) -> None:
    assert truth.steps[0].start_s == pytest.approx(truth.span_s[0])
    assert truth.steps[-1].end_s == pytest.approx(truth.span_s[1])
    ends = [step.end_s for step in truth.steps]
    assert ends == sorted(ends)
    assert np.array_equal(truth.canvas_after(truth.steps[-1]), truth.finished)
    assert np.array_equal(truth.canvas_at(truth.span_s[1] + 5), truth.finished)
    assert np.array_equal(truth.canvas_at(0.0), truth.blank_canvas)
    assert truth.step_at(truth.steps[2].end_s) == truth.steps[2]
    assert truth.step_at(0.0) is None


def test_regions_hold_what_changed(truth: Truth) -> None:
    before = truth.blank_canvas
    for step in truth.steps:
        after = truth.canvas_after(step)
        changed = np.abs(after.astype(int) - before).max(axis=2) > 60
        region = cv2.dilate(truth.region(step).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert region.any()
        if changed.sum() > 20:
            assert (changed & region).sum() / changed.sum() > 0.9
        before = after


def test_cards_have_no_corners(truth: Truth) -> None:
    assert truth.corners_at(SMALL.seconds) is None
    corners = truth.corners_at(4.0)
    assert corners is not None
    assert corners.shape == (4, 2)


def test_filming_again_gives_the_same_bytes(filmed: Path, tmp_path: Path) -> None:
    film_video(SEED, SMALL, tmp_path / "film.mp4")

    def digests(folder: Path) -> dict[str, str]:
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return {
            str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
        }

    assert digests(filmed.parent) == digests(tmp_path)


def test_handheld_moves_more_than_tripod() -> None:
    from ingest.studio.camera.camera import corners_in_frame, frame_size, make_motion, sample_pose
    from ingest.studio.camera.profiles import PROFILES

    spread = {}
    for name, profile in PROFILES.items():
        rng = np.random.default_rng(1)
        frame_px = frame_size((240, 192), 1.36)
        for _ in range(20):
            pose = sample_pose(rng, profile, (240, 192), frame_px)
            corners = corners_in_frame(pose, (240, 192))
            assert corners.min() >= 0
            assert np.all(corners.max(axis=0) <= frame_px)
        motion = make_motion(rng, profile, 200, 12, frame_px)
        spread[name] = motion.moves[:, :2, 2].std()
    assert spread["handheld"] > 5 * spread["tripod"] > 0


def test_a_folder_without_truth_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="film the video again"):
        Truth(tmp_path)
    (tmp_path / "truth.json").write_text('{"truth_version": "9.0"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"version 9\.0"):
        Truth(tmp_path)


def test_the_outline_lies_where_the_truth_says() -> None:
    canvas = np.full((64, 50, 3), 200, np.uint8)
    matrix = np.array([[1.1, 0.05, 20.3], [-0.03, 1.12, 14.6], [1e-4, 2e-4, 1]])
    frame = np.zeros((110, 90, 3), np.uint8)
    composite_canvas(frame, canvas, matrix)
    outline = np.array([[0, 0], [50, 0], [50, 64], [0, 64]], np.float64) - 0.5
    seen = cv2.moments(cv2.perspectiveTransform(outline[:, None], matrix)[:, 0].astype(np.float32))
    shown = cv2.moments(frame[..., 0] / 200.0)
    assert shown["m00"] == pytest.approx(seen["m00"], rel=1e-3)
    for moment in ("m10", "m01"):
        middle, expected = shown[moment] / shown["m00"], seen[moment] / seen["m00"]
        assert middle == pytest.approx(expected, abs=0.02)
    assert set(np.unique(frame[50, 40])) == {200}, "inside, all is canvas"
