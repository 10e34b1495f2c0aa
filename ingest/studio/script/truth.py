"""Writes the ground truth of a film into a folder and reads it back (format: docs/studio.md)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.errors import UserError
from ingest.format.images import decode_image, decode_mask, encode_mask
from ingest.studio.painting.formats import Format
from ingest.studio.painting.planner import Plan
from ingest.studio.painting.timeline import Timeline
from ingest.studio.script.pacing import Pace
from ingest.studio.script.script import Script
from ingest.studio.script.shots import Shot
from ingest.studio.settings import StudioConfig
from ingest.studio.strokes.canvas import PaintedCanvas

TRUTH_VERSION = "1.1"
"""major.minor of the format of truth.json."""
REGION_ALPHA = 0.25
"""A pixel belongs to a step's region if the step's paint reaches this alpha, 0 to 1."""


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """Ground truth of one frame."""

    shot: Shot
    corners_px: np.ndarray | None
    """Corners of the canvas in the frame, float64 (4, 2); None where no canvas is seen."""
    occluded: float
    """Share of the visible canvas that hands and brush occlude, 0 to 1; shadows do not count."""


@dataclass(frozen=True)
class StepTruth:
    """Ground truth of one step of the painting."""

    index: int
    word: str
    start_s: float
    end_s: float
    num_strokes: int
    canvas: str
    """File of the canvas after the step."""
    region: str
    """File of the mask of what the step painted."""


def truth_folder(video: Path) -> Path:
    """The folder of a film's ground truth: NAME.truth beside NAME.mp4."""
    return video.with_name(f"{video.stem}.truth")


class TruthWriter:
    """Collects and writes the ground truth of one film while it is rendered."""

    def __init__(self, folder: Path, plan: Plan, timeline: Timeline) -> None:
        self.folder, self.plan, self.timeline = folder, plan, timeline
        self.grid: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self._last: bytes | None = None

    def add_grid(self, time_s: float, picture: np.ndarray) -> None:
        """Write the canvas at a time of the regular grid; equal neighbours share a file."""
        data = _png(picture)
        if data != self._last:
            name = f"grid-{len(self.grid):04d}.png"
            write_bytes(self.folder / name, data)
        else:
            name = self.grid[-1]["canvas"]
        self._last = data
        self.grid.append({"time_s": time_s, "canvas": name})

    def add_step(self, index: int, canvas: PaintedCanvas) -> None:
        """Write the canvas right after a step and the mask of what the step painted."""
        step = self.plan.steps[index]
        first = sum(len(s.strokes) for s in self.plan.steps[:index])
        names = f"step-{index:02d}.png", f"step-{index:02d}.region.png"
        write_bytes(self.folder / names[0], _png(canvas.picture()))
        write_bytes(self.folder / names[1], encode_mask(canvas.region_alpha >= REGION_ALPHA))
        self.steps.append(
            {
                "index": index,
                "word": step.word,
                "start_s": float(self.timeline.start_s[first]),
                "end_s": float(self.timeline.end_s[first + len(step.strokes) - 1]),
                "num_strokes": len(step.strokes),
                "canvas": names[0],
                "region": names[1],
            }
        )

    def finish(
        self, config: StudioConfig, format: Format, script: Script, pace: Pace, grid_s: float,
        frames: list[FrameTruth], is_dry: bool,
    ) -> None:  # fmt: skip
        """Write `truth.json`, the last file: a folder that has it is complete.

        A film with a dry brush has no steps, and ingest must refuse it.
        """
        record = {
            "truth_version": TRUTH_VERSION,
            "seed": self.plan.seed,
            "config": config.model_dump(mode="json"),
            "expected_refusal": ["no-painting"] if is_dry else [],
            "subject": format.subject,
            "canvas_px": list(format.canvas_px),
            "frame_px": list(format.frame_px),
            "fps": config.fps,
            "num_frames": len(frames),
            "span_s": list(self.timeline.span_s),
            "bare": self.grid[0]["canvas"],
            "finished": self.steps[-1]["canvas"],
            "steps": [] if is_dry else self.steps,
            "grid_s": grid_s,
            "grid": self.grid,
            "script": asdict(script),
            "stops": [asdict(stop) for stop in pace.stops],
            "skips_s": list(pace.skips_s),
            "frames": {
                "shot": [frame.shot for frame in frames],
                "covered": [round(frame.occluded, 4) for frame in frames],
                "visible": [_visible_share(frame.corners_px, format.frame_px) for frame in frames],
                "corners_px": [
                    None if f.corners_px is None else np.round(f.corners_px, 3).tolist()
                    for f in frames
                ],
            },
        }
        write_json(self.folder / "truth.json", record)


def _visible_share(corners_px: np.ndarray | None, frame_px: tuple[int, int]) -> float:
    """Share of the canvas's area that lies inside the frame, 0 to 1."""
    if corners_px is None:
        return 0.0
    right, bottom = frame_px[0] - 1, frame_px[1] - 1
    frame = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float32)
    outline = corners_px.astype(np.float32)
    area, _ = cv2.intersectConvexConvex(outline, frame)
    return round(float(min(area / max(cv2.contourArea(outline), 1e-6), 1.0)), 4)


def _png(image: np.ndarray) -> bytes:
    """RGB uint8 (H, W, 3) as PNG bytes, at compression level 1: higher levels hardly save space."""
    ok, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise ValueError(f"OpenCV could not encode an image of shape {image.shape} as PNG")
    return data.tobytes()


class Truth:
    """The truth of one film, read from its folder.

    Attributes: `seed`, `fps`, `num_frames`, `canvas_px` and `frame_px` (width, height), `span_s`
    (first touch of the brush, last lift), `grid_s` (between regular states), `steps` in order,
    `shots` (one a frame), `occluded` (share of the visible canvas under hands, one a frame),
    `visible` (share of the canvas inside the frame, one a frame), `skips_s` (when the film skips
    work), `stops` (stretches without painting: start_s, end_s, shot), `script` (all else that
    was drawn for the film), `subject`, `expected_refusal` (right reasons to refuse the film; empty
    if it is a painting).
    """

    def __init__(self, folder: Path) -> None:
        """Read `truth.json`; pictures are read when asked for.

        Raises:
            UserError: if the folder holds no truth or one of another version.
        """
        path = folder / "truth.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: not a readable truth file ({error}): film the video again"
            ) from error
        version = str(record.get("truth_version"))
        if version.split(".")[0] != TRUTH_VERSION.split(".")[0]:
            raise UserError(f"{path}: truth version {version}, this code reads 1.x: film it again")
        self.folder = folder
        self.seed, self.fps, self.num_frames = record["seed"], record["fps"], record["num_frames"]
        self.canvas_px: tuple[int, int] = tuple(record["canvas_px"])
        self.frame_px: tuple[int, int] = tuple(record["frame_px"])
        self.span_s: tuple[float, float] = tuple(record["span_s"])
        self.grid_s: float = record.get("grid_s", record["config"]["grid_s"])
        self.expected_refusal: list[str] = record.get("expected_refusal", [])
        self.steps = [StepTruth(**step) for step in record["steps"]]
        self.shots: list[Shot] = record["frames"]["shot"]
        self.occluded: list[float] = record["frames"]["covered"]
        self.visible: list[float] = record["frames"].get("visible", [])
        self.subject: str = record.get("subject", "landscape")
        self.skips_s: tuple[float, ...] = tuple(record.get("skips_s", ()))
        self.stops: list[dict[str, Any]] = record.get("stops", [])
        self.script: dict[str, Any] = record.get("script", {})
        self._blank_canvas, self._finished = record["bare"], record["finished"]
        self._corners = record["frames"]["corners_px"]
        self._states = sorted(
            [(g["time_s"], g["canvas"]) for g in record["grid"]]
            + [(s.end_s, s.canvas) for s in self.steps]
        )

    def canvas_at(self, time_s: float) -> np.ndarray:
        """The stored canvas nearest in time (half a grid step at most), RGB uint8 (H, W, 3)."""
        times = np.array([time for time, _ in self._states])
        return self._image(self._states[int(np.abs(times - time_s).argmin())][1])

    def corners_at(self, time_s: float) -> np.ndarray | None:
        """Corners of the canvas in the frame nearest in time, float64 (4, 2): centres of its corner
        pixels, top left, top right, bottom right, bottom left. None where no canvas is seen."""
        frame = min(max(round(time_s * self.fps), 0), self.num_frames - 1)
        corners = self._corners[frame]
        return None if corners is None else np.array(corners, np.float64)

    def canvas_after(self, step: StepTruth) -> np.ndarray:
        """The canvas at the end of a step, RGB uint8 (H, W, 3)."""
        return self._image(step.canvas)

    def region(self, step: StepTruth) -> np.ndarray:
        """Mask of where a step put paint, bool (H, W)."""
        return decode_mask((self.folder / step.region).read_bytes())

    @property
    def blank_canvas(self) -> np.ndarray:
        """The canvas before the first stroke, RGB uint8 (H, W, 3)."""
        return self._image(self._blank_canvas)

    @property
    def finished(self) -> np.ndarray:
        """The finished painting, RGB uint8 (H, W, 3)."""
        return self._image(self._finished)

    def step_at(self, time_s: float) -> StepTruth | None:
        """The step that is painted at a time; None before, between and after the steps."""
        return next((s for s in self.steps if s.start_s <= time_s <= s.end_s), None)

    def _image(self, name: str) -> np.ndarray:
        return decode_image((self.folder / name).read_bytes())
