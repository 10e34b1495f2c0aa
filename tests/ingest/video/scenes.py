"""A canvas on a grained table, drawn and looked at: what tests of views and pushes share."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.camera.camera import lay_canvas
from ingest.video.decoding.spool import Spool
from ingest.video.registration.homography import grey
from ingest.video.registration.observation import SMALL_SIDE_PX, Look, Looked
from ingest.video.registration.tracking import AlignConfig, Pose, Sight, Tracker

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
    lay_canvas(picture, canvas(strokes), matrix)
    return picture


def pushed(turn_deg: float = 3, shift: tuple[float, float] = (10, -6)) -> np.ndarray:
    """Where the corners lie after a push."""
    turn = cv2.getRotationMatrix2D(tuple(map(float, CORNERS.mean(axis=0))), turn_deg, 1.0)
    return CORNERS @ turn[:, :2].T + turn[:, 2] + shift


def looked(index: int, image: np.ndarray, pose: Pose, spool: Spool) -> Looked:
    spool.add(image)
    factor = SMALL_SIDE_PX / SIZE[1]
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return Looked(index, index / 4, pose, small, grey(image))


def watched(images: list[np.ndarray]) -> Look:
    """What is seen of pictures when they are followed one by one."""
    tracker, spool = Tracker(AlignConfig(side_px=360)), Spool()
    frames = [
        looked(i, image, tracker.add(Sight.of(image)), spool) for i, image in enumerate(images)
    ]
    return Look(frames, 360, spool, images[0].shape)


def still(images: list[np.ndarray]) -> Look:
    """The same, seen by a camera that is known to stand still."""
    spool, pose = Spool(), Pose(0, np.eye(3))
    frames = [looked(i, image, pose, spool) for i, image in enumerate(images)]
    return Look(frames, 360, spool, images[0].shape)
