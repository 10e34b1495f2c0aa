"""Synthetic frames of a canvas on a grained table, for tests of registration and placement."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.camera.camera import composite_canvas
from ingest.video.decoding.frame_cache import FrameCache
from ingest.video.registration.homography import normalised_grey
from ingest.video.registration.sampled_video import SMALL_SIDE_PX, SampledFrame, SampledVideo
from ingest.video.registration.tracking import AlignConfig, Pose, PreparedFrame, Tracker

SIZE = (480, 360)
CORNERS = np.array([[110, 70], [370, 80], [362, 300], [104, 290]], np.float64)


def table() -> np.ndarray:
    rng = np.random.default_rng(1)
    grain = cv2.GaussianBlur(rng.normal(0, 70, SIZE[::-1]).astype(np.float32), (0, 0), 2.0)
    return np.clip(np.array([110, 80, 60]) + grain[..., None], 0, 255).astype(np.uint8)


def canvas(strokes: int) -> np.ndarray:
    """A blank canvas, RGB uint8 (220, 260, 3), with so many strokes of paint on it."""
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
    composite_canvas(picture, canvas(strokes), matrix)
    return picture


def displaced(turn_deg: float = 3, shift: tuple[float, float] = (10, -6)) -> np.ndarray:
    """The corners (4, 2) after a displacement of the canvas."""
    turn = cv2.getRotationMatrix2D(tuple(map(float, CORNERS.mean(axis=0))), turn_deg, 1.0)
    return CORNERS @ turn[:, :2].T + turn[:, 2] + shift


def sampled_frame(
    index: int, image: np.ndarray, pose: Pose, frame_cache: FrameCache
) -> SampledFrame:
    frame_cache.add(image)
    factor = SMALL_SIDE_PX / SIZE[1]
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return SampledFrame(index, index / 4, pose, small, normalised_grey(image))


def tracked_video(images: list[np.ndarray]) -> SampledVideo:
    """The sampled video of some images, registered by the tracker."""
    tracker, frame_cache = Tracker(AlignConfig(side_px=360)), FrameCache()
    frames = [
        sampled_frame(i, image, tracker.register(PreparedFrame.of(image)), frame_cache)
        for i, image in enumerate(images)
    ]
    return SampledVideo(frames, 360, frame_cache, images[0].shape)


def static_video(images: list[np.ndarray]) -> SampledVideo:
    """The sampled video of some images with identity poses, as of a static camera."""
    frame_cache, pose = FrameCache(), Pose(0, np.eye(3))
    frames = [sampled_frame(i, image, pose, frame_cache) for i, image in enumerate(images)]
    return SampledVideo(frames, 360, frame_cache, images[0].shape)
