"""Views of one canvas are linked, whatever the tracking thought, and a moved canvas is followed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.canvas.canvas import Canvas
from ingest.video.decoding.spool import Spool
from ingest.video.imaging.geometry import transform, warp
from ingest.video.placement.displacement_detection import find_places, place_frames
from ingest.video.placement.shot_linking import link_views
from ingest.video.registration.drift_correction import reground
from ingest.video.registration.homography import grey
from ingest.video.registration.observation import Look, Looked
from ingest.video.registration.settle import Ground
from ingest.video.registration.tracking import Pose
from tests.ingest.video.scenes import CORNERS, SIZE, looked, pushed, scene, still, watched

NEARER = np.array([[1.7, 0, -170], [0, 1.7, -130], [0, 0, 1.0]])


def linked(look: Look, link_from: int, pose: Pose) -> Look:
    """The look with the frames from a number on in a pose that the tracking did not find."""
    frames = [
        Looked(f.index, f.time_s, pose if f.index >= link_from else f.pose, f.small, f.grey)
        for f in look.looked
    ]
    return Look(frames, look.side_px, look.spool, look.frame_shape)


def test_a_nearer_view_of_the_canvas_joins_the_main_view() -> None:
    far = [scene(40 + n) for n in range(24)]
    near = [warp(scene(64 + n), NEARER, SIZE) for n in range(8)]
    look = linked(watched([*far, *near]), 24, Pose(9, np.eye(3)))
    assert link_views(look) == list(range(32))
    placed = transform(look.take_from_frame(31) @ NEARER, CORNERS)
    assert np.abs(placed - transform(look.take_from_frame(3), CORNERS)).max() < 4


def test_a_nearer_view_that_the_tracking_took_for_the_far_one_is_put_right() -> None:
    images = [scene(40 + n) for n in range(20)]
    images += [warp(scene(60 + n), NEARER, SIZE) for n in range(8)]
    images += [scene(68 + n) for n in range(12)]
    look = linked(watched(images), 0, Pose(0, np.eye(3)))
    used = link_views(look)
    assert set(used) >= {*range(20), *range(28, 40)}
    for n in used:
        view = NEARER if 20 <= n < 28 else np.eye(3)
        placed = transform(look.take_from_frame(n) @ view, CORNERS)
        assert np.abs(placed - transform(look.take_from_frame(3), CORNERS)).max() < 4


def test_a_jump_in_the_poses_is_undone_and_right_poses_stay() -> None:
    spool, frames = Spool(), []
    jump = np.array([[1.08, 0, -30], [0, 1.08, 12], [0, 0, 1.0]])
    for n in range(30):
        pose = Pose(0, jump if n < 12 else np.eye(3))
        frames.append(looked(n, scene(50 + n), pose, spool))
    look = Look(frames, 360, spool, (SIZE[1], SIZE[0], 3))
    assert link_views(look) == list(range(30))
    for n in (0, 11, 12, 29):
        assert np.abs(transform(look.take_from_frame(n), CORNERS) - CORNERS).max() < 1.5


def test_frames_that_dissolve_into_a_nearer_view_are_left_out() -> None:
    far = [scene(40 + n) for n in range(24)]
    near = [warp(scene(64 + n), NEARER, SIZE) for n in range(8)]
    mixed = [cv2.addWeighted(scene(64), 1 - w, near[0], w, 0) for w in (0.35, 0.6, 0.85)]
    look = still([*far, *mixed])
    spool, frames = look.spool, list(look.looked)
    frames += [looked(27 + n, image, Pose(1, np.eye(3)), spool) for n, image in enumerate(near)]
    used = link_views(Look(frames, 360, spool, look.frame_shape))
    assert set(range(22)) <= set(used)
    assert not {25, 26} & set(used)


def test_another_scene_stays_out_of_the_main_view() -> None:
    rng = np.random.default_rng(9)
    noise = cv2.GaussianBlur(rng.normal(128, 300, (*SIZE[::-1], 3)).astype(np.float32), (0, 0), 3)
    other = np.clip(noise, 0, 255).astype(np.uint8)
    look = linked(watched([scene(40 + n) for n in range(20)] + [other] * 8), 0, Pose(0, np.eye(3)))
    assert link_views(look) == list(range(20))


CANVAS = Canvas(CORNERS, "quad", 1.5)


@pytest.mark.parametrize("strokes", [0, 60], ids=["bare", "painted"])
def test_a_canvas_that_is_moved_on_the_table_is_followed(strokes: int) -> None:
    there = pushed()
    images = [scene(strokes + 2 * n, there if n < 16 else CORNERS) for n in range(40)]
    places = find_places(images[2::4], CANVAS)
    assert [place and place.number for place in places] == [1] * 4 + [0] * 6
    found = place_frames([grey(i) for i in images], [np.eye(3)] * 40, places, CORNERS)
    assert [place.number for place in found] == [1] * 16 + [0] * 24
    assert np.abs(transform(found[0].back, there) - CORNERS).max() < 1.5


def test_a_canvas_that_lies_still_is_not_moved() -> None:
    images = [scene(6 * n) for n in range(10)]
    assert all(place is not None and place.number == 0 for place in find_places(images, CANVAS))


def test_a_stretch_that_slid_is_brought_back_onto_what_lasts() -> None:
    slid = np.array([[1.0, 0.03, -9], [0.01, 1.02, -14], [0, 0, 1.0]])
    images = [scene(60 + 2 * n) for n in range(10)]
    right = Ground(images)
    composites = [warp(images[0], slid, SIZE), *images[1:]]
    found = reground(composites, right, CORNERS)
    assert found[1:] == [None] * 9
    assert found[0] is not None
    assert np.abs(transform(found[0] @ slid, CORNERS) - CORNERS).max() < 1.0
