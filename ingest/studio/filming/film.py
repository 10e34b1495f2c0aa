"""Filming: canvas, hands, table and light go into an mp4, the truth into a folder beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ingest.studio.camera.camera import lay_canvas
from ingest.studio.filming.encode import write_mp4
from ingest.studio.filming.hand import Hand, lay_hand
from ingest.studio.filming.overlay import lay_overlays
from ingest.studio.filming.reframe import nearest_zoom, zoom_matrix
from ingest.studio.filming.stage import Stage
from ingest.studio.painting.performance import Performance
from ingest.studio.script.script import Fade
from ingest.studio.script.truth import FrameTruth, Shot, TruthWriter, truth_folder
from ingest.studio.settings import StudioConfig

HELPER_PLACE, HELPER_ENTERS_S, HELPER_REACH = (0.1, 0.72), 0.7, 1.3
"""Where the other hand's finger tips lie, in shares of the canvas from its side; how long it takes
to come, and from how far, in units of the canvas."""


def film_video(
    seed: int,
    config: StudioConfig,
    video: Path,
    tick: Callable[[float], None] = lambda share: None,
    is_dry: bool = False,
) -> None:
    """Paint and film one seed: writes `video` (mp4) and its truth folder, the video last.

    Args:
        video: path of the mp4; the truth goes to the folder `truth_folder(video)`.
        tick: called with the finished share, 0 to 1.
        is_dry: whether the brush carries no paint, so that the canvas stays bare.
    """
    stage = Stage(seed, config, is_dry)
    shoot = _Shoot(stage, TruthWriter(truth_folder(video), stage.plan, stage.pace.timeline))
    frames: list[FrameTruth] = []
    with write_mp4(video, stage.format.frame_px, config.fps, config.crf) as write:
        for index in range(stage.num_frames):
            image, truth = shoot.frame(index)
            write(image)
            frames.append(truth)
            tick((index + 1) / stage.num_frames)
        # The truth comes first into place: a video that is there has its truth.
        shoot.truth.finish(
            config, stage.format, stage.script, stage.pace, stage.grid_s, frames, is_dry
        )


class _Shoot:
    """The camera running, and the painting as far as it has come."""

    def __init__(self, stage: Stage, truth: TruthWriter) -> None:
        self.stage, self.truth = stage, truth
        self.canvas_px, self.frame_px = stage.format.canvas_px, stage.format.frame_px
        timeline = stage.pace.timeline
        self.performance = Performance(stage.plan, timeline, self.canvas_px, truth.add_step)

    def frame(self, index: int) -> tuple[np.ndarray, FrameTruth]:
        """One frame as RGB uint8 and what is true of it. Frames are asked for in order."""
        stage, time_s = self.stage, index / self.stage.fps
        canvas = self._play(time_s)
        fades = stage.script.fades
        fade = next((f for f in fades if abs(time_s - f.at_s) < f.length_s / 2), None)
        if fade is None:
            image, truth = self._shot(stage.shot(time_s), index, canvas)
        else:
            image, truth = self._faded(fade, index, canvas)
        if stage.overlays:
            image = image.copy()
            lay_overlays(image, stage.overlays, time_s)
        return image, truth

    def _play(self, time_s: float) -> np.ndarray:
        """The canvas at `time_s`; the truth's grid is filled on the way."""
        grid = self.stage.grid
        while len(self.truth.grid) < len(grid) and grid[len(self.truth.grid)] <= time_s:
            at_s = grid[len(self.truth.grid)]
            self.truth.add_grid(at_s, self.performance.advance(at_s))
        return self.performance.advance(time_s)

    def _shot(self, shot: Shot, index: int, canvas: np.ndarray) -> tuple[np.ndarray, FrameTruth]:
        """The frame as one shot shows it."""
        stage, time_s = self.stage, index / self.stage.fps
        if shot in ("title", "end_card"):
            return (stage.title if shot == "title" else stage.end_card), FrameTruth(shot, None, 0.0)
        move, gains = stage.motion.moves[index], stage.motion.gains[index]
        if shot in ("palette", "other") and stage.cutaways is not None:
            stop = stage.stop(time_s)
            since_s = time_s - stop.start_s if stop is not None else 0.0
            frame = stage.cutaways.frame(shot, time_s, since_s, move)
            return stage.sensor.expose(frame, gains), FrameTruth(shot, None, 0.0)
        is_painting, near = shot in ("painting", "zoom"), shot in ("flash", "beauty")
        nudged = stage.is_nudged(time_s) or near
        pose, zoom = (stage.nudged_pose if nudged else stage.pose), np.eye(3)
        seen = move
        if shot == "zoom":
            zoom = self._zoom(time_s)
            seen = zoom @ move
        elif near and stage.is_eventful:
            seen = move @ stage.close_zoom
        elif near:
            # The table of a quiet film stays where it is; only the canvas comes nearer.
            pose = stage.close_pose
        if shot == "flash" and stage.finished is not None:
            canvas = stage.finished
        matrix = seen @ pose
        frame = self._set(seen, matrix, canvas, nudged, blurred=shot == "flash")
        covered = self._hands(frame, move @ pose, zoom, time_s) if is_painting else 0.0
        truth = FrameTruth(shot, stage.corners(matrix), covered)
        return stage.sensor.expose(frame, gains), truth

    def _zoom(self, time_s: float) -> np.ndarray:
        zoom = nearest_zoom(self.stage.script, time_s)
        if zoom is None:
            return np.eye(3)
        return zoom_matrix(zoom, time_s, self.stage.place(*zoom.place), self.frame_px)

    def _faded(self, fade: Fade, index: int, canvas: np.ndarray) -> tuple[np.ndarray, FrameTruth]:
        """A frame between two shots; its truth is that of the one that shows more."""
        stage, time_s = self.stage, index / self.stage.fps
        share = float(np.clip((time_s - fade.at_s) / fade.length_s + 0.5, 0, 1))
        half_s = 0.5 / stage.fps
        shots = stage.shot(fade.at_s - half_s), stage.shot(fade.at_s + half_s)
        if fade.kind == "black":
            image, truth = self._shot(shots[int(share >= 0.5)], index, canvas)
            image = cv2.convertScaleAbs(image, alpha=abs(2 * share - 1))
        else:
            views = [self._shot(shot, index, canvas) for shot in shots]
            image = cv2.addWeighted(views[0][0], 1 - share, views[1][0], share, 0.0)
            truth = views[int(share >= 0.5)][1]
        return image, FrameTruth("fade", truth.corners_px, truth.covered)

    def _set(
        self, seen: np.ndarray, matrix: np.ndarray, canvas: np.ndarray, nudged: bool, blurred: bool
    ) -> np.ndarray:
        """Table and canvas; behind a flash of the finished picture the table is blurred."""
        stage = self.stage
        move = seen[:2].copy()
        move[:, 2] -= move[:, :2] @ np.full(2, float(stage.margin_px))
        room = stage.nudged_room if nudged else stage.room
        frame = cv2.warpAffine(room, move, self.frame_px, borderMode=cv2.BORDER_REPLICATE)
        if blurred:
            frame = cv2.GaussianBlur(frame, (0, 0), 0.02 * min(self.frame_px))
        lay_canvas(frame, canvas, matrix)
        return frame

    def _hands(
        self, frame: np.ndarray, matrix: np.ndarray, zoom: np.ndarray, time_s: float
    ) -> float:
        """Lay the hands in; returns the share of the visible canvas that they cover.

        Args:
            matrix: from canvas to frame pixels, before the zoom.
        """
        covers = [
            cover
            for cover in (
                self._helper(frame, matrix, zoom, time_s),
                self._painter(frame, matrix, zoom, time_s),
            )
            if cover is not None
        ]
        if not covers:
            return 0.0
        coverage = covers[0] if len(covers) == 1 else cv2.max(covers[0], covers[1])
        mask = np.zeros(coverage.shape, np.uint8)
        corners = self.stage.corners(zoom @ matrix)
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1)
        return float(((coverage > 127) & (mask > 0)).sum() / max(int(mask.sum()), 1))

    def _painter(
        self, frame: np.ndarray, matrix: np.ndarray, zoom: np.ndarray, time_s: float
    ) -> np.ndarray | None:
        """The hand with the brush, where the stroke is."""
        timeline, stage = self.stage.pace.timeline, self.stage
        place = self._project(matrix, timeline.tip(time_s))
        up, aside = place[1] / self.frame_px[1] - 0.6, place[0] / self.frame_px[0] - 0.5
        angle = (-0.22 if stage.script.left_handed else 0.22) * up - 0.16 * aside
        colour = self.performance.strokes[timeline.stroke_near(time_s)].colour
        return self._lay(frame, stage.hand, place, angle, colour, zoom)

    def _helper(
        self, frame: np.ndarray, matrix: np.ndarray, zoom: np.ndarray, time_s: float
    ) -> np.ndarray | None:
        """The other hand: comes from its side, lies for a while, goes."""
        stage = self.stage
        when = next((w for w in stage.script.helper_s if w[0] <= time_s < w[1]), None)
        if when is None or stage.helper is None:
            return None
        nearest_end = min(time_s - when[0], when[1] - time_s)
        outside = HELPER_REACH * max(0.0, 1 - nearest_end / HELPER_ENTERS_S) ** 2
        scene = stage.plan.scene
        x = HELPER_PLACE[0] * scene.width - outside
        if stage.script.left_handed:
            x = scene.width - x
        y = HELPER_PLACE[1] * scene.height + 0.4 * outside + 0.01 * np.sin(1.3 * time_s)
        angle = 0.04 * float(np.sin(0.9 * time_s))
        place = self._project(matrix, (x, float(y)))
        return self._lay(frame, stage.helper, place, angle, stage.hand.skin, zoom)

    def _project(self, matrix: np.ndarray, point: tuple[float, float]) -> tuple[float, float]:
        """A point in units of the canvas, in frame pixels."""
        side = min(self.canvas_px)
        tip = matrix @ np.array([point[0] * side - 0.5, point[1] * side - 0.5, 1.0])
        return float(tip[0] / tip[2]), float(tip[1] / tip[2])

    def _lay(
        self, frame: np.ndarray, hand: Hand, place: tuple[float, float], angle: float,
        colour: np.ndarray, zoom: np.ndarray,
    ) -> np.ndarray | None:  # fmt: skip
        """Put a hand into the zoomed frame."""
        x, y, _ = zoom @ np.array([*place, 1.0])
        scale = float(np.hypot(zoom[0, 0], zoom[1, 0]))
        turn = float(np.arctan2(zoom[1, 0], zoom[0, 0]))
        return lay_hand(frame, hand, (float(x), float(y)), angle + turn, colour, scale)
