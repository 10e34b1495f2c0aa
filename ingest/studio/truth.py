"""What really happened in a film, written beside it and read back. docs/studio.md has the format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from ingest.atomic import write_bytes, write_json
from ingest.errors import UserError
from ingest.images import decode_image, decode_mask, encode_mask
from ingest.studio.performance import COVERED_ALPHA, Performance
from ingest.studio.planner import Plan
from ingest.studio.settings import StudioConfig
from ingest.studio.timeline import Timeline

TRUTH_VERSION = "1.0"
Shot = Literal["title", "flash", "painting", "beauty", "end_card"]


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """One frame of the film."""

    shot: Shot
    corners_px: np.ndarray | None
    """Corners of the canvas in the frame, float64 (4, 2); None where no canvas is seen."""
    covered: float
    """Share of the canvas that hand and brush hide, 0 to 1 (their shadow does not count)."""


@dataclass(frozen=True)
class StepTruth:
    """One step of the painting."""

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
    """Where the truth of a film lies."""
    return video.with_name(f"{video.stem}.truth")


def write_truth(
    folder: Path, plan: Plan, timeline: Timeline, config: StudioConfig,
    canvas_px: tuple[int, int], frame_px: tuple[int, int], frames: list[FrameTruth],
) -> None:  # fmt: skip
    """Write canvases, regions and `truth.json` (last)."""
    grid = _write_grid(folder, plan, timeline, config, canvas_px, len(frames) / config.fps)
    steps = _write_steps(folder, plan, timeline, canvas_px)
    write_json(
        folder / "truth.json",
        {
            "truth_version": TRUTH_VERSION,
            "seed": plan.seed,
            "config": config.model_dump(mode="json"),
            "canvas_px": list(canvas_px),
            "frame_px": list(frame_px),
            "fps": config.fps,
            "num_frames": len(frames),
            "span_s": list(timeline.span_s),
            "bare": grid[0]["canvas"],
            "finished": steps[-1]["canvas"],
            "steps": steps,
            "grid": grid,
            "frames": {
                "shot": [frame.shot for frame in frames],
                "covered": [round(frame.covered, 4) for frame in frames],
                "corners_px": [
                    None if f.corners_px is None else np.round(f.corners_px, 3).tolist()
                    for f in frames
                ],
            },
        },
    )


def _write_grid(
    folder: Path,
    plan: Plan,
    timeline: Timeline,
    config: StudioConfig,
    canvas_px: tuple[int, int],
    end_s: float,
) -> list[dict[str, Any]]:
    """Canvases at multiples of `grid_s`; equal ones share a file."""
    performance = Performance(plan, timeline, canvas_px)
    grid: list[dict[str, Any]] = []
    last: bytes | None = None
    for index in range(int(np.floor(end_s / config.grid_s)) + 1):
        time_s = round(index * config.grid_s, 6)
        data = _png(performance.advance(time_s))
        name = f"grid-{index:04d}.png" if data != last else grid[-1]["canvas"]
        if data != last:
            write_bytes(folder / name, data)
        last = data
        grid.append({"time_s": time_s, "canvas": name})
    return grid


def _write_steps(
    folder: Path, plan: Plan, timeline: Timeline, canvas_px: tuple[int, int]
) -> list[dict[str, Any]]:
    canvas = plan.canvas(*canvas_px)
    steps, first = [], 0
    for index, step in enumerate(plan.steps):
        canvas.clear_covered()
        for stroke in step.strokes:
            canvas.apply(stroke)
        last = first + len(step.strokes)
        names = f"step-{index:02d}.png", f"step-{index:02d}.region.png"
        write_bytes(folder / names[0], _png(canvas.picture()))
        write_bytes(folder / names[1], encode_mask(canvas.covered >= COVERED_ALPHA))
        steps.append(
            {
                "index": index,
                "word": step.word,
                "start_s": float(timeline.start_s[first]),
                "end_s": float(timeline.end_s[last - 1]),
                "num_strokes": len(step.strokes),
                "canvas": names[0],
                "region": names[1],
            }
        )
        first = last
    return steps


def _png(image: np.ndarray) -> bytes:
    """Lossless and quick: paintings hardly shrink further at higher levels."""
    ok, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise ValueError(f"OpenCV could not encode an image of shape {image.shape} as PNG")
    return data.tobytes()


class Truth:
    """The truth of one film, read from its folder.

    Attributes: `seed`, `fps`, `num_frames`, `canvas_px` and `frame_px` (width, height), `span_s`
    (first touch of the brush, last lift), `steps` in order, `shots` (one a frame), `covered` (share
    of the canvas hidden by the hand, one a frame).
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
        self.steps = [StepTruth(**step) for step in record["steps"]]
        self.shots: list[Shot] = record["frames"]["shot"]
        self.covered: list[float] = record["frames"]["covered"]
        self._bare, self._finished = record["bare"], record["finished"]
        self._corners = record["frames"]["corners_px"]
        self._states = sorted(
            [(g["time_s"], g["canvas"]) for g in record["grid"]]
            + [(s.end_s, s.canvas) for s in self.steps]
        )

    def canvas_at(self, time_s: float) -> np.ndarray:
        """The stored clean canvas nearest in time, RGB uint8 (H, W, 3); at most half a grid step off."""
        times = np.array([time for time, _ in self._states])
        return self._image(self._states[int(np.abs(times - time_s).argmin())][1])

    def corners_at(self, time_s: float) -> np.ndarray | None:
        """Corners of the canvas in the frame nearest in time: centres of its corner pixels, top left,
        top right, bottom right, bottom left, float64 (4, 2); None where the frame shows no canvas."""
        frame = min(max(round(time_s * self.fps), 0), self.num_frames - 1)
        corners = self._corners[frame]
        return None if corners is None else np.array(corners, np.float64)

    def canvas_after(self, step: StepTruth) -> np.ndarray:
        """The canvas at the end of a step, RGB uint8 (H, W, 3)."""
        return self._image(step.canvas)

    def region(self, step: StepTruth) -> np.ndarray:
        """Where a step laid paint, bool (H, W)."""
        return decode_mask((self.folder / step.region).read_bytes())

    @property
    def bare(self) -> np.ndarray:
        """The canvas before the first stroke."""
        return self._image(self._bare)

    @property
    def finished(self) -> np.ndarray:
        """The finished painting."""
        return self._image(self._finished)

    def step_at(self, time_s: float) -> StepTruth | None:
        """The step that is painted at a time; None before the first and in the breaks between."""
        return next((s for s in self.steps if s.start_s <= time_s <= s.end_s), None)

    def _image(self, name: str) -> np.ndarray:
        return decode_image((self.folder / name).read_bytes())
