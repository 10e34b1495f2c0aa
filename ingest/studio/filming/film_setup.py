"""Prepares one film from its seed: painting, shots, script, room, hands, camera and light."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from ingest.studio.camera.camera import (
    Motion,
    Sensor,
    close_up_pose,
    corners_in_frame,
    make_motion,
    sample_pose,
)
from ingest.studio.camera.profiles import PROFILES, Profile
from ingest.studio.filming.cards import make_card
from ingest.studio.filming.cutaway import Cutaways
from ingest.studio.filming.hand import Hand, make_hand, make_other_hand
from ingest.studio.filming.overlay import make_overlays
from ingest.studio.filming.reframe import displacement_matrix, zoom_at
from ingest.studio.filming.room import make_room
from ingest.studio.painting.formats import Format, format_of
from ingest.studio.painting.planner import Plan, plan_painting
from ingest.studio.painting.playback import paint_plan
from ingest.studio.script.pacing import Stop, pace
from ingest.studio.script.script import Script, write_script
from ingest.studio.script.shots import make_shot_schedule
from ingest.studio.script.truth import Shot
from ingest.studio.settings import StudioConfig

HAND_UNIT = 0.62
"""Unit of the hand sprites as a share of the frame's short side."""
MIN_GRID_STATES = 120
"""An eventful film has at least so many canvas states in its ground truth."""
_TITLES = {"landscape": "Landscape", "portrait": "Portrait", "still_life": "Still life"}
"""What the title card says for each subject."""


class FilmSetup:
    """Everything about one film, ready to be rendered.

    The order of random draws must not change: films would come out with other bytes.
    """

    def __init__(self, seed: int, config: StudioConfig, is_dry: bool = False) -> None:
        rng, extra = np.random.default_rng([seed, 11]), np.random.default_rng([seed, 13])
        profile = PROFILES[config.profile]
        self.format = format_of(seed, config)
        canvas_px, frame_px = self.format.canvas_px, self.format.frame_px
        self.fps, self.num_frames = config.fps, round(config.seconds * config.fps)
        self.schedule = make_shot_schedule(rng, config.seconds)
        self.is_eventful = profile.eventful
        self.script = write_script(extra, self.schedule) if self.is_eventful else Script()
        aspect = canvas_px[0] / canvas_px[1]
        self.plan = plan_painting(seed, aspect, self.format.subject, self.script.repaints)
        if is_dry:
            self.plan = self.plan.without_paint()
        self.pace = pace(
            self.plan,
            self.script,
            self.schedule.first_touch_s,
            self.schedule.last_lift_s,
            config.fps,
        )
        self.pose = sample_pose(rng, profile, canvas_px, frame_px)
        self.motion = self._motion(rng, profile, frame_px)
        self.margin_px = round(0.12 * min(frame_px))
        self._lay_out(rng)
        self.hand = make_hand(
            rng, HAND_UNIT * min(frame_px), self.script.wide_shadow, self.script.left_handed
        )
        self.title, self.end_card = _cards(rng, self.plan, self.format)
        self.sensor = Sensor(np.random.default_rng([seed, 12]), frame_px, profile.noise)
        self.other_hand = self._other_hand(extra)
        self.overlays = make_overlays(self.script, frame_px)
        is_cut_away = any(stop.shot != "painting" for stop in self.pace.stops)
        self.cutaways = (
            Cutaways(extra, self.plan.scene, frame_px, self.hand) if is_cut_away else None
        )
        # Only a flash at the start needs the finished picture before it is painted.
        self.finished = paint_plan(self.plan, canvas_px) if self.schedule.intro == "flash" else None
        finest_s = config.seconds / MIN_GRID_STATES if self.is_eventful else config.grid_s
        self.grid_s = min(config.grid_s, finest_s)
        self.grid = self._grid()

    def _motion(
        self, rng: np.random.Generator, profile: Profile, frame_px: tuple[int, int]
    ) -> Motion:
        """Camera motion and light, with the script's exposure steps."""
        scale = self.script.steadiness
        if scale != 1:
            names = ("shake", "wander", "shake_deg", "breathe")
            changed = {name: getattr(profile, name) * scale for name in names}
            profile = profile.model_copy(update=changed)
        motion = make_motion(rng, profile, self.num_frames, self.fps, frame_px)
        if not self.script.exposures:
            return motion
        times, levels = zip(*self.script.exposures, strict=True)
        which = np.searchsorted(times, np.arange(self.num_frames) / self.fps, side="right")
        factor = np.array([1.0, *levels], np.float32)[which]
        return replace(motion, gains=motion.gains * factor[:, None])

    def _lay_out(self, rng: np.random.Generator) -> None:
        """Rooms and poses before and after the canvas is displaced."""
        canvas_px, frame_px = self.format.canvas_px, self.format.frame_px
        again = copy.deepcopy(rng)
        scene, margin_px = self.plan.scene, self.margin_px
        self.room = make_room(rng, scene, self.pose, canvas_px, frame_px, margin_px)
        self.displaced_pose, self.displaced_room = self.pose, self.room
        if self.script.nudge is not None:
            self.displaced_pose = self.pose @ displacement_matrix(self.script.nudge, canvas_px)
            self.displaced_room = make_room(
                again, scene, self.pose, canvas_px, frame_px, margin_px, self.displaced_pose
            )
        self.close_pose = close_up_pose(self.displaced_pose, canvas_px, frame_px)
        self.close_zoom = self.close_pose @ np.linalg.inv(self.displaced_pose)

    def _other_hand(self, rng: np.random.Generator) -> Hand | None:
        if not self.script.helper_s:
            return None
        unit_px = HAND_UNIT * min(self.format.frame_px)
        script = self.script
        return make_other_hand(
            rng, unit_px, self.hand.skin, script.helper_has_rag, script.left_handed
        )

    def _grid(self) -> list[float]:
        """Times of the truth's canvas states: regular, and on both sides of every skip."""
        last_s = (self.num_frames - 1) / self.fps
        count = int(last_s / self.grid_s + 1e-9) + 1
        regular = [round(i * self.grid_s, 6) for i in range(count)]
        around = [time for skip in self.pace.skips_s for time in (skip - 1e-6, skip)]
        return sorted([*regular, *around])

    def is_canvas_displaced(self, time_s: float) -> bool:
        """Whether the canvas has been moved on the table by `time_s`."""
        return self.script.nudge is not None and time_s >= self.script.nudge.at_s

    def stop(self, time_s: float) -> Stop | None:
        """The interval without painting that contains `time_s`, if any."""
        return next((s for s in self.pace.stops if s.start_s <= time_s < s.end_s), None)

    def shot(self, time_s: float) -> Shot:
        """The shot that the frame at `time_s` belongs to."""
        shot = self.schedule.shot(time_s)
        if shot != "painting":
            return shot
        stop = self.stop(time_s)
        if stop is not None and stop.shot != "painting":
            return stop.shot
        return "painting" if zoom_at(self.script, time_s) is None else "zoom"

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Frame position in px of a point in shares of the canvas, before camera motion."""
        width, height = self.format.canvas_px
        u, v, w = self.pose @ np.array([x * (width - 1), y * (height - 1), 1.0])
        return float(u / w), float(v / w)

    def corners(self, matrix: np.ndarray) -> np.ndarray:
        """Corners of the canvas in the frame, float64 (4, 2)."""
        return corners_in_frame(matrix, self.format.canvas_px)


def _cards(rng: np.random.Generator, plan: Plan, format: Format) -> tuple[np.ndarray, np.ndarray]:
    """Title and end card, RGB uint8 (H, W, 3)."""
    texts = (f"{_TITLES[format.subject]} in acrylic", f"a painting in {len(plan.steps)} steps")
    title = make_card(rng, format.frame_px, plan.scene, texts)
    texts = ("Thank you for watching", "see you at the next canvas")
    return title, make_card(rng, format.frame_px, plan.scene, texts)
