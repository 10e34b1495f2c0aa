"""Shots of one canvas are linked despite wrong poses, and displacements are detected."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.canvas.canvas import Canvas
from ingest.video.decoding.frame_cache import FrameCache
from ingest.video.imaging.geometry import transform, warp
from ingest.video.placement.displacement_detection import assign_positions, detect_positions
from ingest.video.placement.shot_linking import link_shots
from ingest.video.registration.drift_correction import find_drift_corrections
from ingest.video.registration.homography import normalised_grey
from ingest.video.registration.sampled_video import SampledFrame, SampledVideo
from ingest.video.registration.static_reference import StaticReference
from ingest.video.registration.tracking import Pose
from tests.ingest.video.scenes import (
    CORNERS,
    SIZE,
    displaced,
    sampled_frame,
    scene,
    static_video,
    tracked_video,
)

NEARER = np.array([[1.7, 0, -170], [0, 1.7, -130], [0, 0, 1.0]])


def with_pose(sampled: SampledVideo, link_from: int, pose: Pose) -> SampledVideo:
    """The video with another pose for all frames from `link_from` on."""
    frames = [
        SampledFrame(f.index, f.time_s, pose if f.index >= link_from else f.pose, f.small, f.grey)
        for f in sampled.frames
    ]
    return SampledVideo(frames, sampled.side_px, sampled.frame_cache, sampled.frame_shape)


def test_a_closer_view_of_the_canvas_is_linked() -> None:
    far = [scene(40 + n) for n in range(24)]
    near = [warp(scene(64 + n), NEARER, SIZE) for n in range(8)]
    sampled = with_pose(tracked_video([*far, *near]), 24, Pose(9, np.eye(3)))
    assert link_shots(sampled) == list(range(32))
    placed = transform(sampled.shot_from_frame(31) @ NEARER, CORNERS)
    assert np.abs(placed - transform(sampled.shot_from_frame(3), CORNERS)).max() < 4


def test_an_unnoticed_cut_to_a_closer_view_is_corrected() -> None:
    images = [scene(40 + n) for n in range(20)]
    images += [warp(scene(60 + n), NEARER, SIZE) for n in range(8)]
    images += [scene(68 + n) for n in range(12)]
    sampled = with_pose(tracked_video(images), 0, Pose(0, np.eye(3)))
    used = link_shots(sampled)
    assert set(used) >= {*range(20), *range(28, 40)}
    for n in used:
        view = NEARER if 20 <= n < 28 else np.eye(3)
        placed = transform(sampled.shot_from_frame(n) @ view, CORNERS)
        assert np.abs(placed - transform(sampled.shot_from_frame(3), CORNERS)).max() < 4


def test_a_jump_in_the_poses_is_undone_and_correct_poses_stay() -> None:
    frame_cache, frames = FrameCache(), []
    jump = np.array([[1.08, 0, -30], [0, 1.08, 12], [0, 0, 1.0]])
    for n in range(30):
        pose = Pose(0, jump if n < 12 else np.eye(3))
        frames.append(sampled_frame(n, scene(50 + n), pose, frame_cache))
    sampled = SampledVideo(frames, 360, frame_cache, (SIZE[1], SIZE[0], 3))
    assert link_shots(sampled) == list(range(30))
    for n in (0, 11, 12, 29):
        assert np.abs(transform(sampled.shot_from_frame(n), CORNERS) - CORNERS).max() < 1.5


def test_frames_that_dissolve_into_a_closer_view_are_left_out() -> None:
    far = [scene(40 + n) for n in range(24)]
    near = [warp(scene(64 + n), NEARER, SIZE) for n in range(8)]
    mixed = [cv2.addWeighted(scene(64), 1 - w, near[0], w, 0) for w in (0.35, 0.6, 0.85)]
    sampled = static_video([*far, *mixed])
    frame_cache, frames = sampled.frame_cache, list(sampled.frames)
    frames += [
        sampled_frame(27 + n, image, Pose(1, np.eye(3)), frame_cache)
        for n, image in enumerate(near)
    ]
    used = link_shots(SampledVideo(frames, 360, frame_cache, sampled.frame_shape))
    assert set(range(22)) <= set(used)
    assert not {25, 26} & set(used)


def test_another_scene_is_not_linked() -> None:
    rng = np.random.default_rng(9)
    noise = cv2.GaussianBlur(rng.normal(128, 300, (*SIZE[::-1], 3)).astype(np.float32), (0, 0), 3)
    other = np.clip(noise, 0, 255).astype(np.uint8)
    sampled = with_pose(
        tracked_video([scene(40 + n) for n in range(20)] + [other] * 8), 0, Pose(0, np.eye(3))
    )
    assert link_shots(sampled) == list(range(20))


CANVAS = Canvas(CORNERS, "quad", 1.5)


@pytest.mark.parametrize("strokes", [0, 60], ids=["blank", "painted"])
def test_a_displacement_on_the_table_is_detected(strokes: int) -> None:
    there = displaced()
    images = [scene(strokes + 2 * n, there if n < 16 else CORNERS) for n in range(40)]
    positions = detect_positions(images[2::4], CANVAS)
    assert [position and position.number for position in positions] == [1] * 4 + [0] * 6
    found = assign_positions(
        [normalised_grey(i) for i in images], [np.eye(3)] * 40, positions, CORNERS
    )
    assert [position.number for position in found] == [1] * 16 + [0] * 24
    assert np.abs(transform(found[0].to_home, there) - CORNERS).max() < 1.5


def test_no_displacement_of_a_static_canvas_is_detected() -> None:
    images = [scene(6 * n) for n in range(10)]
    assert all(
        position is not None and position.number == 0
        for position in detect_positions(images, CANVAS)
    )


def test_drift_off_the_static_reference_is_corrected() -> None:
    drift = np.array([[1.0, 0.03, -9], [0.01, 1.02, -14], [0, 0, 1.0]])
    images = [scene(60 + 2 * n) for n in range(10)]
    reference = StaticReference(images)
    composites = [warp(images[0], drift, SIZE), *images[1:]]
    found = find_drift_corrections(composites, reference, CORNERS)
    assert found[1:] == [None] * 9
    assert found[0] is not None
    assert np.abs(transform(found[0] @ drift, CORNERS) - CORNERS).max() < 1.0
