"""Renders the film of one seed into an mp4, and its ground truth into a folder beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ingest.studio.camera.camera import composite_canvas
from ingest.studio.filming.encode import write_mp4
from ingest.studio.filming.film_setup import FilmSetup
from ingest.studio.filming.hand import Hand, composite_hand
from ingest.studio.filming.overlay import blend_overlays
from ingest.studio.filming.reframe import nearest_zoom, zoom_matrix
from ingest.studio.painting.playback import Playback
from ingest.studio.script.script import Fade
from ingest.studio.script.truth import FrameTruth, Shot, TruthWriter, truth_folder
from ingest.studio.settings import StudioConfig

OTHER_HAND_PLACE = (0.1, 0.72)
"""Where the other hand's finger tips lie, in shares of the canvas from its side (x, y)."""
OTHER_HAND_ENTERS_S = 0.7
"""How long the other hand takes to enter, in seconds."""
OTHER_HAND_REACH = 1.3
"""Distance from which the other hand enters, in units of the canvas."""


def film_video(
    seed: int,
    config: StudioConfig,
    video: Path,
    on_progress: Callable[[float], None] = lambda share: None,
    is_dry: bool = False,
) -> None:
    """Paint and film one seed. Writes the folder of ground truth, then `video` (mp4).

    Args:
        video: path of the mp4; the truth goes to the folder `truth_folder(video)`.
        on_progress: called with the share of frames rendered, 0 to 1.
        is_dry: whether the brush carries no paint, so that the canvas stays blank.
    """
    setup = FilmSetup(seed, config, is_dry)
    renderer = _FrameRenderer(
        setup, TruthWriter(truth_folder(video), setup.plan, setup.pace.timeline)
    )
    frames: list[FrameTruth] = []
    with write_mp4(video, setup.format.frame_px, config.fps, config.crf) as write:
        for index in range(setup.num_frames):
            image, truth = renderer.frame(index)
            write(image)
            frames.append(truth)
            on_progress((index + 1) / setup.num_frames)
        # The truth is written before the video is in place: a video that exists has its truth.
        renderer.truth.finish(
            config, setup.format, setup.script, setup.pace, setup.grid_s, frames, is_dry
        )


class _FrameRenderer:
    """Renders the frames of one film in order, while the painting advances."""

    def __init__(self, setup: FilmSetup, truth: TruthWriter) -> None:
        self.setup, self.truth = setup, truth
        self.canvas_px, self.frame_px = setup.format.canvas_px, setup.format.frame_px
        timeline = setup.pace.timeline
        self.playback = Playback(setup.plan, timeline, self.canvas_px, truth.add_step)

    def frame(self, index: int) -> tuple[np.ndarray, FrameTruth]:
        """One frame, RGB uint8 (H, W, 3), and its ground truth. Call with indices in order."""
        setup, time_s = self.setup, index / self.setup.fps
        canvas = self._advance(time_s)
        fades = setup.script.fades
        fade = next((f for f in fades if abs(time_s - f.at_s) < f.length_s / 2), None)
        if fade is None:
            image, truth = self._render_shot(setup.shot(time_s), index, canvas)
        else:
            image, truth = self._render_fade(fade, index, canvas)
        if setup.overlays:
            image = image.copy()
            blend_overlays(image, setup.overlays, time_s)
        return image, truth

    def _advance(self, time_s: float) -> np.ndarray:
        """The canvas at `time_s`; adds the states on the way to the ground truth."""
        grid = self.setup.grid
        while len(self.truth.grid) < len(grid) and grid[len(self.truth.grid)] <= time_s:
            at_s = grid[len(self.truth.grid)]
            self.truth.add_grid(at_s, self.playback.advance(at_s))
        return self.playback.advance(time_s)

    def _render_shot(
        self, shot: Shot, index: int, canvas: np.ndarray
    ) -> tuple[np.ndarray, FrameTruth]:
        """The frame as `shot` shows it, and its ground truth."""
        setup, time_s = self.setup, index / self.setup.fps
        if shot in ("title", "end_card"):
            return (setup.title if shot == "title" else setup.end_card), FrameTruth(shot, None, 0.0)
        move, gains = setup.motion.moves[index], setup.motion.gains[index]
        if shot in ("palette", "other") and setup.cutaways is not None:
            stop = setup.stop(time_s)
            since_s = time_s - stop.start_s if stop is not None else 0.0
            frame = setup.cutaways.frame(shot, time_s, since_s, move)
            return setup.sensor.expose(frame, gains), FrameTruth(shot, None, 0.0)
        is_painting, near = shot in ("painting", "zoom"), shot in ("flash", "beauty")
        is_displaced = setup.is_canvas_displaced(time_s) or near
        pose, zoom = (setup.displaced_pose if is_displaced else setup.pose), np.eye(3)
        seen = move
        if shot == "zoom":
            zoom = self._zoom(time_s)
            seen = zoom @ move
        elif near and setup.is_eventful:
            seen = move @ setup.close_zoom
        elif near:
            # In an uneventful film only the canvas is enlarged; the table stays.
            pose = setup.close_pose
        if shot == "flash" and setup.finished is not None:
            canvas = setup.finished
        matrix = seen @ pose
        frame = self._render_table_and_canvas(
            seen, matrix, canvas, is_displaced, blurred=shot == "flash"
        )
        occluded = self._draw_hands(frame, move @ pose, zoom, time_s) if is_painting else 0.0
        truth = FrameTruth(shot, setup.corners(matrix), occluded)
        return setup.sensor.expose(frame, gains), truth

    def _zoom(self, time_s: float) -> np.ndarray:
        zoom = nearest_zoom(self.setup.script, time_s)
        if zoom is None:
            return np.eye(3)
        return zoom_matrix(zoom, time_s, self.setup.place(*zoom.place), self.frame_px)

    def _render_fade(
        self, fade: Fade, index: int, canvas: np.ndarray
    ) -> tuple[np.ndarray, FrameTruth]:
        """A frame between two shots; its ground truth is that of the shot with the larger share."""
        setup, time_s = self.setup, index / self.setup.fps
        share = float(np.clip((time_s - fade.at_s) / fade.length_s + 0.5, 0, 1))
        half_s = 0.5 / setup.fps
        shots = setup.shot(fade.at_s - half_s), setup.shot(fade.at_s + half_s)
        if fade.kind == "black":
            image, truth = self._render_shot(shots[int(share >= 0.5)], index, canvas)
            image = cv2.convertScaleAbs(image, alpha=abs(2 * share - 1))
        else:
            views = [self._render_shot(shot, index, canvas) for shot in shots]
            image = cv2.addWeighted(views[0][0], 1 - share, views[1][0], share, 0.0)
            truth = views[int(share >= 0.5)][1]
        return image, FrameTruth("fade", truth.corners_px, truth.occluded)

    def _render_table_and_canvas(
        self,
        seen: np.ndarray,
        matrix: np.ndarray,
        canvas: np.ndarray,
        is_displaced: bool,
        blurred: bool,
    ) -> np.ndarray:
        """The frame with table and canvas; the table is blurred if `blurred`."""
        setup = self.setup
        move = seen[:2].copy()
        move[:, 2] -= move[:, :2] @ np.full(2, float(setup.margin_px))
        room = setup.displaced_room if is_displaced else setup.room
        frame = cv2.warpAffine(room, move, self.frame_px, borderMode=cv2.BORDER_REPLICATE)
        if blurred:
            frame = cv2.GaussianBlur(frame, (0, 0), 0.02 * min(self.frame_px))
        composite_canvas(frame, canvas, matrix)
        return frame

    def _draw_hands(
        self, frame: np.ndarray, matrix: np.ndarray, zoom: np.ndarray, time_s: float
    ) -> float:
        """Composite the hands into the frame; returns the share of the visible canvas they occlude.

        Args:
            matrix: from canvas to frame pixels, before the zoom.
        """
        hand_alphas = [
            cover
            for cover in (
                self._draw_other_hand(frame, matrix, zoom, time_s),
                self._draw_painting_hand(frame, matrix, zoom, time_s),
            )
            if cover is not None
        ]
        if not hand_alphas:
            return 0.0
        coverage = (
            hand_alphas[0] if len(hand_alphas) == 1 else cv2.max(hand_alphas[0], hand_alphas[1])
        )
        mask = np.zeros(coverage.shape, np.uint8)
        corners = self.setup.corners(zoom @ matrix)
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1)
        return float(((coverage > 127) & (mask > 0)).sum() / max(int(mask.sum()), 1))

    def _draw_painting_hand(
        self, frame: np.ndarray, matrix: np.ndarray, zoom: np.ndarray, time_s: float
    ) -> np.ndarray | None:
        """Composite the hand with its brush at the current stroke; returns its coverage."""
        timeline, setup = self.setup.pace.timeline, self.setup
        place = self._project(matrix, timeline.tip(time_s))
        up, aside = place[1] / self.frame_px[1] - 0.6, place[0] / self.frame_px[0] - 0.5
        angle = (-0.22 if setup.script.left_handed else 0.22) * up - 0.16 * aside
        colour = self.playback.strokes[timeline.stroke_near(time_s)].colour
        return self._composite(frame, setup.hand, place, angle, colour, zoom)

    def _draw_other_hand(
        self, frame: np.ndarray, matrix: np.ndarray, zoom: np.ndarray, time_s: float
    ) -> np.ndarray | None:
        """Composite the other hand, which enters, rests and leaves; returns its coverage."""
        setup = self.setup
        when = next((w for w in setup.script.helper_s if w[0] <= time_s < w[1]), None)
        if when is None or setup.other_hand is None:
            return None
        nearest_end = min(time_s - when[0], when[1] - time_s)
        outside = OTHER_HAND_REACH * max(0.0, 1 - nearest_end / OTHER_HAND_ENTERS_S) ** 2
        scene = setup.plan.scene
        x = OTHER_HAND_PLACE[0] * scene.width - outside
        if setup.script.left_handed:
            x = scene.width - x
        y = OTHER_HAND_PLACE[1] * scene.height + 0.4 * outside + 0.01 * np.sin(1.3 * time_s)
        angle = 0.04 * float(np.sin(0.9 * time_s))
        place = self._project(matrix, (x, float(y)))
        return self._composite(frame, setup.other_hand, place, angle, setup.hand.skin, zoom)

    def _project(self, matrix: np.ndarray, point: tuple[float, float]) -> tuple[float, float]:
        """Frame position (x, y) in px of a point in units of the canvas."""
        side = min(self.canvas_px)
        tip = matrix @ np.array([point[0] * side - 0.5, point[1] * side - 0.5, 1.0])
        return float(tip[0] / tip[2]), float(tip[1] / tip[2])

    def _composite(
        self, frame: np.ndarray, hand: Hand, place: tuple[float, float], angle: float,
        colour: np.ndarray, zoom: np.ndarray,
    ) -> np.ndarray | None:  # fmt: skip
        """Composite a hand into the zoomed frame; returns its coverage, see `composite_hand`."""
        x, y, _ = zoom @ np.array([*place, 1.0])
        scale = float(np.hypot(zoom[0, 0], zoom[1, 0]))
        turn = float(np.arctan2(zoom[1, 0], zoom[0, 0]))
        return composite_hand(frame, hand, (float(x), float(y)), angle + turn, colour, scale)
