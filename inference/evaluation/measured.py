"""What is stored of one artist's process of one painting: values, curve, features, pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import Field, ValidationError

from inference.evaluation import metrics
from inference.evaluation.perceptual_curves import Comparison, Curves
from inference.evaluation.process import Process
from ingest.conventions.atomic import atomic_file, write_bytes, write_json
from ingest.format.images import encode_image
from ingest.format.schema import Record

REAL = "real"
"""Name of the real process beside the artists."""
STRIP_FRAMES = 32
"""Most frames of a process that the page shows."""
STRIP_HEIGHT_PX = 150
"""Their height."""

METRICS: dict[str, Callable[[Comparison], float]] = {
    "lpips": metrics.lpips,
    "iou": metrics.iou,
    "ddc": metrics.distance_curve_difference,
    "dts_min": metrics.time_spent_difference,
    "lpips_in_progress": metrics.lpips_in_progress,
    "iou_without_first": lambda comparison: metrics.iou(comparison, skips_first=True),
    "iou_in_order": metrics.ordered_iou,
    "order_agreement": metrics.order_agreement,
    "ddc_mean": metrics.mean_distance_curve_difference,
    "curve_gap": metrics.curve_gap,
    "closer_share": metrics.closer_share,
    "arrival": metrics.arrival,
}
"""Metrics of a comparison, by the name in results.json; a new one is added here."""


class Measured(Record):
    """``paintings/<painting>/<artist>.json``."""

    painting: str
    artist: str
    identity: str
    """Hash of everything the values depend on."""
    num_frames: int
    values: dict[str, float] = Field(default_factory=dict)
    """By the names of `METRICS`, and ``lost_share``; empty for the real process."""
    times_s: tuple[float, ...]
    to_target: tuple[float, ...]
    """The distance curve."""
    strip_times_s: tuple[float, ...]
    """Painting time of each frame of the strip."""


@dataclass(frozen=True)
class MeasuredFiles:
    """Paths of one artist's process of one painting."""

    out: Path
    painting: str
    artist: str

    @property
    def json(self) -> Path:
        """Written last."""
        return self.out / "paintings" / self.painting / f"{self.artist}.json"

    @property
    def features(self) -> Path:
        """float32 (frames, 384), `inference.evaluation.frechet.frame_features`."""
        return self.json.with_suffix(".npy")

    @property
    def clip(self) -> Path:
        """float32 (400,), `inference.evaluation.video_distance.clip_features`."""
        return self.json.with_suffix(".clip.npy")

    @property
    def strip(self) -> Path:
        """Frames side by side."""
        return self.json.with_suffix(".jpg")

    def read(self, identity: str = "") -> Measured | None:
        """What is stored; None if nothing is, or something else than `identity`."""
        try:
            found = Measured.model_validate(json.loads(self.json.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, ValidationError):
            return None
        return found if identity in ("", found.identity) else None

    def write(
        self, measured: Measured, features: np.ndarray, clip: np.ndarray, process: Process
    ) -> None:
        """Store all; the JSON last."""
        for path, array in ((self.features, features), (self.clip, clip)):
            with atomic_file(path) as file:
                np.save(file, array, allow_pickle=False)
        indices = strip_indices(len(process.frames))
        strip = np.concatenate([_small(process.frames[k]) for k in indices], axis=1)
        write_bytes(self.strip, encode_image(strip, "jpg"))
        write_json(self.json, measured.model_dump(mode="json"))


def measured_values(
    comparison: Comparison, painted: Process, target: np.ndarray
) -> dict[str, float]:
    """All values of a painted process. Raises ValueError if one is not finite."""
    values = {name: metric(comparison) for name, metric in METRICS.items()}
    height, width = painted.frames[0].shape[:2]
    goal = cv2.resize(target, (width, height), interpolation=cv2.INTER_AREA)
    values["lost_share"] = metrics.lost_share(painted, goal)
    wrong = [name for name, value in values.items() if not np.isfinite(value)]
    if wrong:
        raise ValueError(f"{painted.name}: {', '.join(wrong)} not finite")
    return {name: round(value, 6) for name, value in values.items()}


def measured_record(
    artist: str, identity: str, process: Process, curves: Curves, values: dict[str, float]
) -> Measured:
    """The record of a process."""
    indices = strip_indices(len(process.frames))
    return Measured(
        painting=process.name,
        artist=artist,
        identity=identity,
        num_frames=len(process.frames),
        values=values,
        times_s=tuple(curves.times_s.tolist()),
        to_target=tuple(round(float(value), 5) for value in curves.to_target),
        strip_times_s=tuple(process.times_s[k] for k in indices),
    )


def read_measured(out: Path, paintings: Sequence[str], artist: str) -> list[Measured]:
    """What is stored of an artist, by painting; paintings without are left out."""
    found = (MeasuredFiles(out, painting, artist).read() for painting in paintings)
    return [measured for measured in found if measured is not None]


def strip_indices(num_frames: int) -> Sequence[int]:
    """Frames of the strip: all, or evenly chosen ones with the first and the last."""
    count = min(num_frames, STRIP_FRAMES)
    return np.linspace(0, num_frames - 1, count).round().astype(int).tolist()


def _small(frame: np.ndarray) -> np.ndarray:
    width = max(1, round(frame.shape[1] * STRIP_HEIGHT_PX / frame.shape[0]))
    return cv2.resize(frame, (width, STRIP_HEIGHT_PX), interpolation=cv2.INTER_AREA)
