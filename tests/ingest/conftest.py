"""Fixtures of ingest's tests: a small film of a painting with known truth, and odd files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ingest.settings import IngestConfig
from ingest.video.decoding.decode import DecodeConfig
from ingest.video.keyframes.selection import KeyframeConfig
from ingest.video.occlusion.canvas_history import OcclusionConfig
from ingest.video.registration.tracking import AlignConfig

FPS, NUM_FRAMES = 10, 120
FRAME_SIZE, CANVAS_SIZE = (320, 240), (160, 120)
"""(width, height) in px."""
CORNERS = np.array([[62, 40], [262, 52], [250, 205], [54, 192]], np.float32)
COLOURS = [(70, 120, 200), (120, 110, 130), (80, 140, 60), (200, 60, 50), (240, 210, 90)]


@pytest.fixture(autouse=True)
def default_scheduling() -> Iterator[None]:
    """Restore the default scheduler: as root, the encoder SVT-AV1 sets its caller to `SCHED_FIFO`.

    Processes of later tests would inherit that; a browser then starves all others.
    """
    yield
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@dataclass(frozen=True)
class Film:
    """A filmed painting: the file and what is true of it."""

    path: Path
    states: list[np.ndarray]
    """Clean canvases RGB uint8 (120, 160, 3) after 0, 1, ... steps."""
    step_ends_s: list[float]


def write_video(
    path: Path, frames: list[np.ndarray], fps: int = FPS, codec: str = "libx264",
    times: list[int] | None = None,
) -> Path:  # fmt: skip
    """Frames RGB uint8 as a video; `times` are presentation times in units of 1/fps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":
            stream.options = {"crf": "18", "preset": "veryfast"}
        stream.codec_context.time_base = Fraction(1, fps)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def paint(step: int, image: np.ndarray) -> None:
    """Paint one of five steps into a canvas, with brush texture."""
    rng = np.random.default_rng(step)
    mask = np.zeros(image.shape[:2], np.uint8)
    areas = [(0, 0, 160, 62), (30, 30, 90, 62), (0, 62, 160, 120), (100, 50, 130, 84)]
    if step < 4:
        left, top, right, bottom = areas[step]
        mask[top:bottom, left:right] = 1
    else:
        cv2.circle(mask, (128, 22), 13, 1, -1)
    texture = cv2.GaussianBlur(rng.normal(0, 40, image.shape[:2]).astype(np.float32), (0, 0), 1.5)
    colour = np.array(COLOURS[step]) + 2.0 * texture[..., None]
    image[mask > 0] = np.clip(colour, 0, 255).astype(np.uint8)[mask > 0]


def table() -> np.ndarray:
    """A brown table with grain, RGB uint8 (240, 320, 3)."""
    rng = np.random.default_rng(1)
    grain = cv2.GaussianBlur(rng.normal(0, 60, (240, 320)).astype(np.float32), (0, 0), 3, sigmaY=1)
    return np.clip(np.array([96, 70, 50]) + grain[..., None], 0, 255).astype(np.uint8)


def shoot(states: list[np.ndarray]) -> list[np.ndarray]:
    """The frames: a still camera, the canvas at an angle, a hand over it half of the time."""
    width, height = CANVAS_SIZE
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(flat, CORNERS)
    ground, frames = table(), []
    per_state = NUM_FRAMES // len(states)
    for number in range(NUM_FRAMES):
        state = min(number // per_state, len(states) - 1)
        frame = cv2.warpPerspective(
            states[state], matrix, FRAME_SIZE, ground.copy(), borderMode=cv2.BORDER_TRANSPARENT
        )
        phase = number % per_state
        if phase < per_state // 2 and number >= per_state:
            # Painters' hands move; this one sweeps over the canvas, elsewhere in every step.
            x, y = 90 + 35 * (2 * state % 5) + 6 * phase, 60 + 9 * phase
            cv2.line(frame, (x, y), (340, y + 120), (190, 140, 115), 34, cv2.LINE_AA)
            cv2.circle(frame, (x, y), 20, (205, 150, 125), -1, cv2.LINE_AA)
        frames.append(frame)
    return frames


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """A painting in five steps, 12 s."""
    canvas = np.full((CANVAS_SIZE[1], CANVAS_SIZE[0], 3), 236, np.uint8)
    states = [canvas.copy()]
    for step in range(5):
        paint(step, canvas)
        states.append(canvas.copy())
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path, shoot(states))
    step_s = NUM_FRAMES / len(states) / FPS
    return Film(path, states, [step_s * (i + 1) for i in range(len(states) - 1)])


@pytest.fixture(scope="session")
def quick() -> IngestConfig:
    """A config for small films."""
    return IngestConfig(
        decode=DecodeConfig(min_frames=90),
        align=AlignConfig(side_px=240),
        occlusion=OcclusionConfig(side_px=96),
        keyframes=KeyframeConfig(side_px=120, target_count=8),
    )


@pytest.fixture(scope="session")
def odd_files(tmp_path_factory: pytest.TempPathFactory, film: Film) -> Path:
    """A folder with one good film and files that are none, each named by the reason expected."""
    folder = tmp_path_factory.mktemp("odd")
    shutil.copy(film.path, folder / "kept.mp4")
    (folder / "empty-file.mp4").touch()
    (folder / "unreadable.mp4").write_text("this is no video, only a renamed text\n" * 40)
    (folder / "unreadable-cut.mp4").write_bytes(film.path.read_bytes()[:4000])
    write_video(folder / "too-short.mp4", [table()])
    still = [table()] * 40
    write_video(folder / "no-painting.mp4", still)
    with av.open(str(folder / "no-video-stream.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        sound.sample_rate = 44100
        for plane in sound.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    return folder


@pytest.fixture(scope="session")
def video_writer() -> object:
    """`write_video`, for tests that make their own."""
    return write_video
