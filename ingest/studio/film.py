"""Filming: canvas, hand, table and light go into an mp4, the truth into a folder beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ingest.studio.camera import (
    Motion,
    Sensor,
    corners_in_frame,
    frame_size,
    make_motion,
    view,
)
from ingest.studio.encode import write_mp4
from ingest.studio.hand import Hand, lay_hand, make_hand
from ingest.studio.performance import Performance
from ingest.studio.planner import Plan, plan_painting
from ingest.studio.profiles import PROFILES
from ingest.studio.room import make_card, make_room
from ingest.studio.settings import StudioConfig
from ingest.studio.timeline import Timeline, make_timeline
from ingest.studio.truth import FrameTruth, Shot, truth_folder, write_truth


@dataclass(frozen=True)
class Cut:
    """The shots of a film, in seconds."""

    intro: Shot
    intro_s: float
    first_touch_s: float
    last_lift_s: float
    beauty_s: float
    end_card_s: float
    end_s: float

    def shot(self, time_s: float) -> Shot:
        """Which shot the frame at `time_s` belongs to."""
        if time_s < self.intro_s:
            return self.intro
        if time_s < self.beauty_s:
            return "painting"
        return "beauty" if time_s < self.end_card_s else "end_card"


def make_cut(rng: np.random.Generator, seconds: float) -> Cut:
    """Share a film's length out: intro about 4 %, ending about 9 %, the rest is painted."""
    intro_s = min(0.04 * seconds + 0.3, 2.5) * rng.uniform(0.8, 1.2)
    rest_s = min(0.03 * seconds, 1.0)
    card_s = min(0.04 * seconds + 0.2, 2.0)
    beauty_s = min(0.05 * seconds + 0.3, 3.0)
    intro: Shot = "title" if rng.random() < 0.5 else "flash"
    end_card = seconds - card_s
    beauty = end_card - beauty_s
    return Cut(intro, intro_s, intro_s + rest_s + 0.3, beauty - rest_s, beauty, end_card, seconds)


def canvas_size(config: StudioConfig) -> tuple[int, int]:
    """(width, height) of the canvas in pixels."""
    side, aspect = config.side_px, config.aspect
    return (round(side * aspect), side) if aspect >= 1 else (side, round(side / aspect))


def film_video(
    seed: int, config: StudioConfig, video: Path, tick: Callable[[float], None] = lambda share: None
) -> None:
    """Paint and film one seed: writes `video` (mp4) and its truth folder, the video last.

    Args:
        video: path of the mp4; the truth goes to the folder `truth_folder(video)`.
        tick: called with the finished share, 0 to 1.
    """
    shoot = _Shoot(seed, config)
    frames: list[FrameTruth] = []

    def images() -> Iterator[np.ndarray]:
        for index in range(shoot.num_frames):
            image, truth = shoot.frame(index)
            frames.append(truth)
            tick(0.9 * (index + 1) / shoot.num_frames)
            yield image

    with write_mp4(video, shoot.frame_px, config.fps, config.crf) as write:
        for image in images():
            write(image)
        # The truth goes first into place: a video that is there has its truth.
        write_truth(
            truth_folder(video),
            shoot.plan,
            shoot.timeline,
            config,
            shoot.canvas_px,
            shoot.frame_px,
            frames,
        )
    tick(1.0)


class _Shoot:
    """Everything that is set up before the camera runs."""

    def __init__(self, seed: int, config: StudioConfig) -> None:
        rng = np.random.default_rng([seed, 11])
        profile = PROFILES[config.profile]
        self.config = config
        self.canvas_px = canvas_size(config)
        self.frame_px = frame_size(self.canvas_px, config.frame_margin)
        self.num_frames = round(config.seconds * config.fps)
        self.plan: Plan = plan_painting(seed, self.canvas_px[0] / self.canvas_px[1])
        self.cut = make_cut(rng, config.seconds)
        self.timeline: Timeline = make_timeline(
            self.plan, self.cut.first_touch_s, self.cut.last_lift_s
        )
        self.performance = Performance(self.plan, self.timeline, self.canvas_px)
        self.pose = view(rng, profile, self.canvas_px, self.frame_px)
        self.motion: Motion = make_motion(rng, profile, self.num_frames, config.fps, self.frame_px)
        self.margin_px = round(0.12 * min(self.frame_px))
        scene = self.plan.scene
        self.room = make_room(rng, scene, self.pose, self.canvas_px, self.frame_px, self.margin_px)
        self.hand: Hand = make_hand(rng, 0.62 * min(self.frame_px))
        self.sensor = Sensor(np.random.default_rng([seed, 12]), self.frame_px, profile.noise)
        self.title = make_card(
            rng,
            self.frame_px,
            scene,
            ("Landscape in acrylic", f"a painting in {len(self.plan.steps)} steps"),
        )
        self.end_card = make_card(
            rng, self.frame_px, scene, ("Thank you for watching", "see you at the next canvas")
        )
        self.close_pose = _closer(self.pose, self.canvas_px, self.frame_px)
        self.finished = (
            Performance(self.plan, self.timeline, self.canvas_px).advance(config.seconds).copy()
        )

    def frame(self, index: int) -> tuple[np.ndarray, FrameTruth]:
        """One frame as RGB uint8 and what is true of it."""
        time_s = index / self.config.fps
        shot = self.cut.shot(time_s)
        if shot in ("title", "end_card"):
            card = self.title if shot == "title" else self.end_card
            return card, FrameTruth(shot, None, 0.0)
        if shot == "painting":
            return self._painting(index, time_s)
        matrix = self.motion.moves[index] @ self.close_pose
        frame = self._set(index, matrix, self.finished, shot == "beauty")
        corners = corners_in_frame(matrix, self.canvas_px)
        return self.sensor.expose(frame, self.motion.gains[index]), FrameTruth(shot, corners, 0.0)

    def _painting(self, index: int, time_s: float) -> tuple[np.ndarray, FrameTruth]:
        canvas = self.performance.advance(time_s)
        matrix = self.motion.moves[index] @ self.pose
        frame = self._set(index, matrix, canvas, True)
        covered = self._hand(frame, matrix, time_s)
        corners = corners_in_frame(matrix, self.canvas_px)
        image = self.sensor.expose(frame, self.motion.gains[index])
        return image, FrameTruth("painting", corners, covered)

    def _set(self, index: int, matrix: np.ndarray, canvas: np.ndarray, sharp: bool) -> np.ndarray:
        """Table and canvas; a flash of the finished picture has a blurred table."""
        move = self.motion.moves[index][:2].copy()
        move[:, 2] -= move[:, :2] @ np.full(2, float(self.margin_px))
        frame = cv2.warpAffine(self.room, move, self.frame_px, borderMode=cv2.BORDER_REPLICATE)
        if not sharp:
            frame = cv2.GaussianBlur(frame, (0, 0), 0.02 * min(self.frame_px))
        cv2.warpPerspective(
            canvas,
            matrix,
            self.frame_px,
            dst=frame,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )
        return frame

    def _hand(self, frame: np.ndarray, matrix: np.ndarray, time_s: float) -> float:
        """Lay the hand in; returns the share of the canvas that it covers."""
        side = min(self.canvas_px)
        x, y = self.timeline.tip(time_s)
        tip = matrix @ np.array([x * side - 0.5, y * side - 0.5, 1.0])
        place = (float(tip[0] / tip[2]), float(tip[1] / tip[2]))
        angle = 0.22 * (place[1] / self.frame_px[1] - 0.6) - 0.16 * (
            place[0] / self.frame_px[0] - 0.5
        )
        colour = self.performance.strokes[self.timeline.stroke_near(time_s)].colour
        coverage = lay_hand(frame, self.hand, place, angle, colour)
        if coverage is None:
            return 0.0
        mask = np.zeros(coverage.shape, np.uint8)
        corners = corners_in_frame(matrix, self.canvas_px)
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1)
        return float(((coverage > 127) & (mask > 0)).sum() / max(int(mask.sum()), 1))


def _closer(pose: np.ndarray, canvas_px: tuple[int, int], frame_px: tuple[int, int]) -> np.ndarray:
    """The view of a beauty shot: the same angle, nearer and centred."""
    corners = corners_in_frame(pose, canvas_px)
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = 0.94 * float((np.array(frame_px) / (high - low)).min())
    centre, middle = (low + high) / 2, np.array(frame_px) / 2
    shift = middle - centre * scale
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]]) @ pose
