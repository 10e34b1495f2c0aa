"""Takes of one canvas are joined, jumps are undone, and a canvas that was moved is followed."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.align import AlignConfig, Pose, Sight, Tracker
from ingest.canvas import CanvasConfig
from ingest.chain import undo_jumps
from ingest.geometry import transform, warp
from ingest.join import join_takes
from ingest.nudge import find_nudge
from ingest.registration import grey
from ingest.spool import Spool
from ingest.watch import SMALL_SIDE_PX, Look, Looked

SIZE = (480, 360)
CORNERS = np.array([[110, 70], [370, 80], [362, 300], [104, 290]], np.float64)


def table() -> np.ndarray:
    rng = np.random.default_rng(1)
    grain = cv2.GaussianBlur(rng.normal(0, 70, SIZE[::-1]).astype(np.float32), (0, 0), 2.0)
    return np.clip(np.array([110, 80, 60]) + grain[..., None], 0, 255).astype(np.uint8)


def canvas(strokes: int) -> np.ndarray:
    """A bare canvas, RGB uint8 (220, 260, 3), with so many strokes of paint on it."""
    rng, picture = np.random.default_rng(2), np.full((220, 260, 3), 238, np.uint8)
    for _ in range(strokes):
        a, b = rng.integers((8, 8), (250, 210), (2, 2))
        b = a + (b - a) // 4
        colour = tuple(map(int, rng.integers(20, 220, 3)))
        cv2.line(picture, tuple(map(int, a)), tuple(map(int, b)), colour, 5, cv2.LINE_AA)
    return picture


def scene(strokes: int, corners: np.ndarray = CORNERS) -> np.ndarray:
    flat = np.array([[0, 0], [260, 0], [260, 220], [0, 220]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    picture = table()
    return cv2.warpPerspective(
        canvas(strokes), matrix, SIZE, picture, borderMode=cv2.BORDER_TRANSPARENT
    )


def looked(index: int, image: np.ndarray, pose: Pose, spool: Spool) -> Looked:
    spool.add(image)
    factor = SMALL_SIDE_PX / SIZE[1]
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return Looked(index, index / 4, pose, small, grey(image))


def watched(images: list[np.ndarray]) -> Look:
    tracker, spool = Tracker(AlignConfig(side_px=360)), Spool()
    frames = [
        looked(i, image, tracker.add(Sight.of(image)), spool) for i, image in enumerate(images)
    ]
    return Look(frames, tracker, spool, images[0].shape)


NEARER = np.array([[1.7, 0, -170], [0, 1.7, -130], [0, 0, 1.0]])


def test_a_nearer_view_of_the_canvas_joins_the_main_take() -> None:
    far = [scene(40 + n) for n in range(24)]
    near = [warp(scene(64 + n), NEARER, SIZE) for n in range(8)]
    look = watched([*far, *near])
    look = Look(
        [f if i < 24 else Looked(f.index, f.time_s, Pose(9, np.eye(3)), f.small, f.grey)
         for i, f in enumerate(look.looked)],
        look.tracker, look.spool, look.frame_shape,
    )  # fmt: skip
    # The tracker's own find is taken away: a take of its own, which nothing links yet.
    take = look.tracker._start_take(near[0])
    take.number, take.num_frames = 9, 8
    assert join_takes(look) == list(range(32))
    placed = transform(look.take_from_frame(31) @ NEARER, CORNERS)
    assert np.abs(placed - transform(look.take_from_frame(3), CORNERS)).max() < 4


def test_a_jump_in_the_poses_is_undone_and_right_poses_stay() -> None:
    spool, frames = Spool(), []
    jump = np.array([[1.08, 0, -30], [0, 1.08, 12], [0, 0, 1.0]])
    for n in range(30):
        pose = Pose(0, jump if n < 12 else np.eye(3))
        frames.append(looked(n, scene(50 + n), pose, spool))
    look = Look(frames, Tracker(AlignConfig(side_px=360)), spool, (SIZE[1], SIZE[0], 3))
    assert undo_jumps(look, list(range(30))) == 1
    for n in (0, 11, 12, 29):
        assert np.abs(transform(look.take_from_frame(n), CORNERS) - CORNERS).max() < 1.5
    assert undo_jumps(look, list(range(30))) == 0


def moved_corners() -> np.ndarray:
    turn = cv2.getRotationMatrix2D(tuple(map(float, CORNERS.mean(axis=0))), 4, 1.0)
    return CORNERS @ turn[:, :2].T + turn[:, 2] + (14, -6)


def test_a_canvas_that_is_moved_on_the_table_is_followed() -> None:
    there = moved_corners()
    images = [scene(60 + 2 * n, CORNERS if n < 24 else there) for n in range(40)]
    found = find_nudge(
        images[::4], [grey(image) for image in images], [np.eye(3)] * 40, CanvasConfig()
    )
    assert found is not None
    first, back = found
    assert first == 24
    assert np.abs(transform(back, there) - CORNERS).max() < 1.0


def test_a_canvas_that_lies_still_is_not_moved() -> None:
    images = [scene(60 + 2 * n) for n in range(40)]
    greys = [grey(image) for image in images]
    assert find_nudge(images[::4], greys, [np.eye(3)] * 40, CanvasConfig()) is None
