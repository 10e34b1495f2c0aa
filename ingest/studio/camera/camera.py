"""The simulated camera: pose of the canvas, camera motion, exposure, white balance, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.studio.camera.profiles import Profile


@dataclass(frozen=True, eq=False)
class Motion:
    """Camera motion and light for every frame of a film."""

    moves: np.ndarray
    """float64 (F, 3, 3): similarity in frame pixels that moves the picture, near the identity."""
    gains: np.ndarray
    """float32 (F, 3): factor on red, green and blue, near 1."""


def frame_size(canvas_px: tuple[int, int], margin: float) -> tuple[int, int]:
    """(width, height) of the frame: 4:3 or 3:4, or slimmer for slim canvases; multiples of 8."""
    width, height = canvas_px[0] * margin, canvas_px[1] * margin
    if width >= height:
        width = max(width, height * 4 / 3)
        height = max(height, width * 9 / 16)
    else:
        height = max(height, width * 4 / 3)
        width = max(width, height * 9 / 16)
    return int(np.ceil(width / 8) * 8), int(np.ceil(height / 8) * 8)


def sample_pose(
    rng: np.random.Generator,
    profile: Profile,
    canvas_px: tuple[int, int],
    frame_px: tuple[int, int],
) -> np.ndarray:
    """A random pose of the canvas: homography from canvas to frame pixels, float64 (3, 3).

    The canvas is rotated about all three axes within the profile's limits, projected, and scaled
    so that it lies inside the frame with some table around it.
    """
    raw = _projection(rng, profile, canvas_px)
    corners = _project_points(raw, canvas_corners(canvas_px))
    low, high = corners.min(axis=0), corners.max(axis=0)
    frame = np.array(frame_px)
    scale = float((frame * rng.uniform(0.76, 0.82) / (high - low)).min())
    free = (frame - (high - low) * scale) / 2
    middle = frame / 2 + free * np.array([rng.uniform(-0.5, 0.1), rng.uniform(0.0, 0.45)])
    pose = _scale_and_move(scale, (low + high) / 2, middle) @ raw
    return pose / pose[2, 2]


def _projection(
    rng: np.random.Generator, profile: Profile, canvas_px: tuple[int, int]
) -> np.ndarray:
    """Pinhole projection of the rotated canvas, centred on the optical axis, in canvas pixels."""
    tilt = np.radians(rng.uniform(0.25, 1.0) * profile.tilt_deg)
    yaw = np.radians(rng.uniform(-0.5, 0.5) * profile.tilt_deg)
    roll = np.radians(rng.uniform(-1, 1) * profile.roll_deg)
    width, height = canvas_px
    distance = 2.4 * max(canvas_px)
    plane = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 0], [0, 0, 1.0]])
    solid = np.eye(4)
    solid[:3, :3] = _rotation(2, roll) @ _rotation(1, yaw) @ _rotation(0, -tilt)
    solid[2, 3] = distance
    lens = np.array([[distance, 0, 0, 0], [0, distance, 0, 0], [0, 0, 1, 0.0]])
    return lens @ solid @ plane


def _scale_and_move(scale: float, centre: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Similarity (3, 3) that scales about `centre` and moves it to `place`."""
    shift = place - centre * scale
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])


def close_up_pose(
    pose: np.ndarray, canvas_px: tuple[int, int], frame_px: tuple[int, int]
) -> np.ndarray:
    """The pose of a beauty shot: the same angle, nearer and centred; homography (3, 3)."""
    corners = corners_in_frame(pose, canvas_px)
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = 0.94 * float((np.array(frame_px) / (high - low)).min())
    return _scale_and_move(scale, (low + high) / 2, np.array(frame_px) / 2) @ pose


def canvas_corners(canvas_px: tuple[int, int]) -> np.ndarray:
    """Centres of the corner pixels, float64 (4, 2): top left, top right, bottom right, then
    bottom left."""
    right, bottom = canvas_px[0] - 1.0, canvas_px[1] - 1.0
    return np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float64)


def corners_in_frame(matrix: np.ndarray, canvas_px: tuple[int, int]) -> np.ndarray:
    """The canvas's corners in the frame, float64 (4, 2), same order."""
    return _project_points(matrix, canvas_corners(canvas_px))


def composite_canvas(frame: np.ndarray, canvas: np.ndarray, matrix: np.ndarray) -> None:
    """Composite the canvas into a frame, in place; both RGB uint8 (H, W, 3).

    `matrix` maps canvas to frame pixels. The canvas's outline runs half a pixel outside the centres
    of its outermost pixels; frame pixels on the outline are blended by their share of canvas.
    """
    height, width = frame.shape[:2]
    # Outside the canvas colour and alpha are 0, so the colours come premultiplied by alpha.
    laid = cv2.warpPerspective(cv2.cvtColor(canvas, cv2.COLOR_RGB2RGBA), matrix, (width, height))
    colour, alpha = cv2.cvtColor(laid, cv2.COLOR_RGBA2RGB), cv2.extractChannel(laid, 3)
    cv2.copyTo(colour, (alpha == 255).view(np.uint8), frame)
    y, x = np.nonzero((alpha > 0) & (alpha < 255))
    table = frame[y, x] * (1 - alpha[y, x, None] / 255.0)
    frame[y, x] = np.rint(colour[y, x] + table).astype(np.uint8)


def _project_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def _rotation(axis: int, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = [i for i in range(3) if i != axis]
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = cos
    matrix[a, b], matrix[b, a] = -sin, sin
    return matrix


def make_motion(
    rng: np.random.Generator,
    profile: Profile,
    num_frames: int,
    fps: float,
    frame_px: tuple[int, int],
) -> Motion:
    """Fast and slow camera motion, brightness and white balance of a whole film."""
    side = min(frame_px)
    fast = [_smooth_noise(rng, num_frames, fps, 0.35) for _ in range(4)]
    slow = [_smooth_noise(rng, num_frames, fps, 3.5) for _ in range(3)]
    x = (fast[0] * profile.shake + slow[0] * profile.wander) * side
    y = (fast[1] * profile.shake + slow[1] * profile.wander) * side
    angle = np.radians(fast[2] * 0.4 + slow[2] * 0.9) * profile.shake_deg
    scale = 1 + _smooth_noise(rng, num_frames, fps, 5.0) * profile.breathe
    cx, cy = frame_px[0] / 2, frame_px[1] / 2
    moves = np.tile(np.eye(3), (num_frames, 1, 1))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    moves[:, 0, 0], moves[:, 0, 1] = cos, -sin
    moves[:, 1, 0], moves[:, 1, 1] = sin, cos
    moves[:, 0, 2] = cx - cos * cx + sin * cy + x
    moves[:, 1, 2] = cy - sin * cx - cos * cy + y
    level = 1 + np.clip(_smooth_noise(rng, num_frames, fps, 6.0) / 2, -1, 1) * profile.brightness
    warmth = np.clip(_smooth_noise(rng, num_frames, fps, 8.0) / 2, -1, 1) * profile.white_balance
    cast = rng.uniform(-1, 1) * profile.white_balance
    gains = np.stack([level * (1 + warmth + cast), level, level * (1 - warmth - cast)], 1)
    return Motion(moves, gains.astype(np.float32))


def _smooth_noise(
    rng: np.random.Generator, num_frames: int, fps: float, period_s: float
) -> np.ndarray:
    """A smooth random curve of standard deviation about 1 that changes over about `period_s`."""
    time_s = np.arange(num_frames) / fps
    total = np.zeros(num_frames)
    for _ in range(5):
        rate = rng.uniform(0.35, 1.5) / period_s
        total += rng.normal() * np.sin(2 * np.pi * (rate * time_s + rng.random()))
    return total / np.sqrt(2.5)


class Sensor:
    """Applies exposure, white balance and sensor noise to single frames."""

    def __init__(self, rng: np.random.Generator, frame_px: tuple[int, int], noise: float) -> None:
        width, height = frame_px
        tile = rng.normal(0, noise, (height + 64, width + 64, 1)) + rng.normal(
            0, noise * 0.4, (height + 64, width + 64, 3)
        )
        self.up = np.clip(np.round(tile), 0, 60).astype(np.uint8)
        self.down = np.clip(np.round(-tile), 0, 60).astype(np.uint8)
        self.rng = rng

    def expose(self, frame: np.ndarray, gains: np.ndarray) -> np.ndarray:
        """`frame` times `gains` (3,) plus noise; RGB uint8 (H, W, 3) in and out."""
        height, width = frame.shape[:2]
        levels = np.arange(256, dtype=np.float32)[None, :, None] * gains
        lit = cv2.LUT(frame, np.clip(levels + 0.5, 0, 255).astype(np.uint8))
        y, x = self.rng.integers(0, 64, 2)
        window = np.s_[y : y + height, x : x + width]
        return cv2.subtract(cv2.add(lit, self.up[window]), self.down[window])
