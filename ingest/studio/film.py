"""Filming: canvas, hand, table and light go into an mp4, the truth into a folder beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ingest.studio.camera import (
    Sensor,
    closer,
    corners_in_frame,
    frame_size,
    make_motion,
    view,
)
from ingest.studio.cards import make_card
from ingest.studio.cut import make_cut
from ingest.studio.encode import write_mp4
from ingest.studio.hand import lay_hand, make_hand
from ingest.studio.performance import Performance, paint_picture
from ingest.studio.planner import plan_painting
from ingest.studio.profiles import PROFILES
from ingest.studio.room import make_room
from ingest.studio.settings import StudioConfig
from ingest.studio.timeline import make_timeline
from ingest.studio.truth import FrameTruth, TruthWriter, truth_folder


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
    shoot = _Shoot(seed, config, truth_folder(video))
    frames: list[FrameTruth] = []
    with write_mp4(video, shoot.frame_px, config.fps, config.crf) as write:
        for index in range(shoot.num_frames):
            image, truth = shoot.frame(index)
            write(image)
            frames.append(truth)
            tick((index + 1) / shoot.num_frames)
        # The truth comes first into place: a video that is there has its truth.
        shoot.truth.finish(config, shoot.canvas_px, shoot.frame_px, frames)


class _Shoot:
    """Everything that is set up before the camera runs, and the painting as far as it has come."""

    def __init__(self, seed: int, config: StudioConfig, truth: Path) -> None:
        rng = np.random.default_rng([seed, 11])
        profile = PROFILES[config.profile]
        self.config = config
        self.canvas_px = canvas_size(config)
        self.frame_px = frame_size(self.canvas_px, config.frame_margin)
        self.num_frames = round(config.seconds * config.fps)
        plan = plan_painting(seed, self.canvas_px[0] / self.canvas_px[1])
        self.cut = make_cut(rng, config.seconds)
        self.timeline = make_timeline(plan, self.cut.first_touch_s, self.cut.last_lift_s)
        self.truth = TruthWriter(truth, plan, self.timeline)
        self.performance = Performance(plan, self.timeline, self.canvas_px, self.truth.add_step)
        self.pose = view(rng, profile, self.canvas_px, self.frame_px)
        self.close_pose = closer(self.pose, self.canvas_px, self.frame_px)
        self.motion = make_motion(rng, profile, self.num_frames, config.fps, self.frame_px)
        self.margin_px = round(0.12 * min(self.frame_px))
        scene = plan.scene
        self.room = make_room(rng, scene, self.pose, self.canvas_px, self.frame_px, self.margin_px)
        self.hand = make_hand(rng, 0.62 * min(self.frame_px))
        self.sensor = Sensor(np.random.default_rng([seed, 12]), self.frame_px, profile.noise)
        texts = ("Landscape in acrylic", f"a painting in {len(plan.steps)} steps")
        self.title = make_card(rng, self.frame_px, scene, texts)
        texts = ("Thank you for watching", "see you at the next canvas")
        self.end_card = make_card(rng, self.frame_px, scene, texts)
        # Only a flash at the start needs the finished picture before it is painted.
        self.finished = paint_picture(seed, self.canvas_px) if self.cut.intro == "flash" else None

    def frame(self, index: int) -> tuple[np.ndarray, FrameTruth]:
        """One frame as RGB uint8 and what is true of it. Frames are asked for in order."""
        time_s = index / self.config.fps
        canvas = self._play(time_s)
        shot = self.cut.shot(time_s)
        if shot in ("title", "end_card"):
            return (self.title if shot == "title" else self.end_card), FrameTruth(shot, None, 0.0)
        pose = self.pose if shot == "painting" else self.close_pose
        matrix = self.motion.moves[index] @ pose
        if shot == "flash" and self.finished is not None:
            canvas = self.finished
        frame = self._set(index, matrix, canvas, blurred=shot == "flash")
        covered = self._hand(frame, matrix, time_s) if shot == "painting" else 0.0
        truth = FrameTruth(shot, corners_in_frame(matrix, self.canvas_px), covered)
        return self.sensor.expose(frame, self.motion.gains[index]), truth

    def _play(self, time_s: float) -> np.ndarray:
        """The canvas at `time_s`; the truth's grid is filled on the way."""
        while (grid_s := round(len(self.truth.grid) * self.config.grid_s, 6)) <= time_s:
            self.truth.add_grid(grid_s, self.performance.advance(grid_s))
        return self.performance.advance(time_s)

    def _set(self, index: int, matrix: np.ndarray, canvas: np.ndarray, blurred: bool) -> np.ndarray:
        """Table and canvas; behind a flash of the finished picture the table is blurred."""
        move = self.motion.moves[index][:2].copy()
        move[:, 2] -= move[:, :2] @ np.full(2, float(self.margin_px))
        frame = cv2.warpAffine(self.room, move, self.frame_px, borderMode=cv2.BORDER_REPLICATE)
        if blurred:
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
