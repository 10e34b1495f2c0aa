"""Writes the page of the demo: every stage with its command, its time and its outputs."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from ingest.conventions.atomic import write_bytes
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, resize_short_side
from ingest.format.schema import Sample, decode_sample
from ingest.format.tar import read_tar
from ingest.ledger.outcome import read_keyframes, read_outcome

if TYPE_CHECKING:
    from inference.demo.stages import TimedStage

MASK_COLOUR = np.array([226, 66, 94])
"""RGB of region overlays."""
CURVE_SIZE_PX = (320, 110)
"""Width and height of a training curve."""
MOST_STEPS = 16
"""Steps that are shown of a painting."""


@dataclass(frozen=True)
class ReportImage:
    """An image of the page: a data URI and its caption."""

    uri: str
    caption: str = ""


@dataclass(frozen=True)
class Curve:
    """A training curve as the points of an SVG polyline, with its first and last value."""

    name: str
    points: str
    first: float
    last: float
    num_samples: int


def write_report(out: Path, timed: list[TimedStage], total_s: float) -> None:
    """Render ``out/report.html`` from what the stages left on disk."""
    environment = Environment(
        loader=PackageLoader("inference.demo", "."), autoescape=True, undefined=StrictUndefined
    )
    dataset = Dataset.existing(out / "dataset")
    page = environment.get_template("demo.html.j2").render(
        timed=timed,
        total_s=total_s,
        films=[_film_row(path) for path in sorted((out / "videos").glob("*.mp4"))[:3]],
        videos=[_keyframe_row(dataset, video_id) for video_id in dataset.video_ids()],
        samples=_sample_rows(dataset),
        shards=json.loads(dataset.index_json.read_text(encoding="utf-8"))["shards"],
        curves=[c for name in ("text", "mask", "renderer") if (c := _curve(out / "runs" / name))],
        masters=_paintings(out / "masters"),
        painted=_paintings(out / "painted"),
        tuned=json.loads((out / "runs" / "order" / "order.json").read_text(encoding="utf-8")),
    )
    write_bytes(out / "report.html", page.encode())


def _film_row(path: Path) -> tuple[str, list[ReportImage]]:
    """Eight frames spread over a film."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    chosen = [frames[int(i)] for i in np.linspace(0, len(frames) - 1, 8)]
    return path.name, [
        _picture(f.to_ndarray(format="rgb24"), f"{f.time:.1f} s", side_px=130) for f in chosen
    ]


def _keyframe_row(dataset: Dataset, video_id: str) -> tuple[str, list[ReportImage]]:
    """All keyframes of one video with their seconds."""
    outcome = read_outcome(dataset, video_id)
    title = f"{Path(outcome.uri).name}: {outcome.num_keyframes} keyframes"
    return title, [
        _picture(stored.image(), f"{stored.keyframe.time_s:.1f} s", side_px=72)
        for stored in read_keyframes(dataset, video_id)
    ]


def _sample_rows(dataset: Dataset, num: int = 9) -> list[dict[str, object]]:
    """Some samples of the first shard as rows: current, next with its region, target."""
    shard = min(dataset.shards.glob("train-*.tar"))
    samples = [decode_sample(k, f, shard.name) for k, f in islice(read_tar(shard), 60)]
    chosen = [samples[int(i)] for i in np.linspace(0, len(samples) - 1, min(num, len(samples)))]
    return [
        {
            "instruction": sample.instruction,
            "interval_s": sample.interval_s,
            "pictures": [
                _picture(sample.current, "current"),
                _picture(_with_region(sample), "next, region"),
                _picture(sample.target, "target"),
            ],
        }
        for sample in chosen
    ]


def _with_region(sample: Sample) -> np.ndarray:
    """The next canvas with the painted region tinted. RGB uint8 (H, W, 3)."""
    tinted = sample.next.copy()
    tinted[sample.mask] = (0.55 * tinted[sample.mask] + 0.45 * MASK_COLOUR).astype(np.uint8)
    return tinted


def _curve(run: Path) -> Curve | None:
    """The training loss of a run from its TensorBoard events, smoothed."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(next(run.rglob("events.out.*")).parent))
    events.Reload()
    tag = next((t for t in events.Tags()["scalars"] if t.endswith("train/loss")), None)
    if tag is None:
        return None
    scalars = events.Scalars(tag)
    values = np.array([s.value for s in scalars])
    window = max(1, len(values) // 25)
    smooth = np.convolve(values, np.ones(window) / window, mode="valid")
    width, height = CURVE_SIZE_PX
    x = np.linspace(0, width, len(smooth))
    span = max(float(np.ptp(smooth)), 1e-9)
    y = height - 4 - (smooth - smooth.min()) / span * (height - 8)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return Curve(run.name, points, float(smooth[0]), float(smooth[-1]), scalars[-1].step)


def _paintings(place: Path) -> list[dict[str, object]]:
    """All paintings of a folder, by name."""
    folders = sorted(path.parent.parent for path in place.glob("*/session/session.json"))
    return [_painted(folder) for folder in folders]


def _painted(folder: Path) -> dict[str, object]:
    """One painted picture: its film as a GIF and up to sixteen of its steps."""
    steps = [
        decode_sample(key, fields, path.name)
        for path in sorted((folder / "session").glob("*.tar"))
        for key, fields in read_tar(path)
    ]
    chosen = np.linspace(0, len(steps) - 1, min(len(steps), MOST_STEPS)).round().astype(int)
    pictures = [
        _picture(s.next, f"{s.instruction}, {s.provenance.next.time_s:.0f} s", side_px=120)
        for s in (steps[k] for k in chosen)
    ]
    gif = next(iter(folder.glob("*.gif")))
    return {
        "name": folder.name,
        "target": _picture(steps[-1].target, "the picture", side_px=240),
        "gif": ReportImage(_data_uri(gif.read_bytes(), "image/gif"), f"{len(steps)} steps"),
        "steps": pictures,
        "viewer": f"{folder.parent.name}/{folder.name}/index.html",
        "film": f"{folder.parent.name}/{folder.name}/painting.mp4",
    }


def _picture(image: np.ndarray, caption: str = "", side_px: int = 110) -> ReportImage:
    small = resize_short_side(image, min(side_px, *image.shape[:2]))
    return ReportImage(_data_uri(encode_image(small, "jpg", 85), "image/jpeg"), caption)


def _data_uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
