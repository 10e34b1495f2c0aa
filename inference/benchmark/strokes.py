"""``python -m inference.benchmark.strokes``: how pictures are painted with strokes, in numbers.

For each picture of a folder, scaled to one size: steps, steps that come closer to the picture,
holes at half time, whether it ends at the picture, what the interval and the seed change, and with
`--sheets` a sheet of sixteen moments to look at.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import cv2
import numpy as np
import typer
from PIL import Image

from inference.artist.planned.orders import USUAL_INTERVAL_S, order_artist
from inference.artist.planned.settings import OrderName, StrokesConfig
from inference.inputs.jobs import plan
from inference.inputs.picture import PictureConfig, load_picture
from inference.rollout.region import overlap
from inference.strokes.brushwork import BARE_LEVELS
from ingest.conventions.atomic import write_json
from ingest.conventions.cli import new_app, run_app
from ingest.conventions.errors import UserError
from ingest.format.images import resize_short_side

NUM_MOMENTS = 16
"""Canvases on a sheet."""
MOST_STEPS = 400
"""Steps after which a painting counts as one that does not end."""

app = new_app("Measure paintings in strokes.")


@dataclass(frozen=True, eq=False)
class Painting:
    """All canvases of one painting, and the regions between them."""

    picture: np.ndarray
    canvases: list[np.ndarray]
    masks: list[np.ndarray]

    @property
    def has_arrived(self) -> bool:
        """Whether the last canvas is the picture to the bit."""
        return np.array_equal(self.canvases[-1], self.picture)


@app.command()
def main(
    pictures: Annotated[Path, typer.Argument(help="Folder of pictures", metavar="PICTURES")],
    order: Annotated[str, typer.Option(help="learned, prototype, ...")] = "learned",
    side_px: Annotated[int, typer.Option(help="Short side that they are scaled to")] = 512,
    sheets: Annotated[Path | None, typer.Option(help="Folder for sheets of 16 moments")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures here")] = None,
) -> None:
    """Print a row for each picture, and the summary."""
    if order not in get_args(OrderName):
        raise UserError(f"--order {order}: expected one of {', '.join(get_args(OrderName))}")
    name, rows = cast(OrderName, order), []
    paths = [job.picture for job in plan([pictures], Path("unused"))]
    for path in paths:
        image = resize_short_side(load_picture(path, PictureConfig()).image, side_px)
        rows.append(_row(path, image, name, sheets))
        print(" ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    summary = _summary(rows)
    command = _command_cost(paths[0], order)
    for key, value in {**summary, **command}.items():
        print(f"{key}: {value}")
    if json is not None:
        write_json(json, {"pictures": rows, "summary": summary, "command": command})


def paint(
    picture: np.ndarray, order: OrderName, seed: int = 0, interval_s: float = USUAL_INTERVAL_S
) -> Painting:
    """Paint a picture, RGB uint8 (H, W, 3), to its end."""
    config = StrokesConfig()
    artist = order_artist(order, picture, config, interval_s, seed)
    canvases, masks = [np.full_like(picture, config.ground_rgb())], []
    nothing = np.zeros(picture.shape[:2], bool)
    while len(masks) < MOST_STEPS and not np.array_equal(canvases[-1], picture):
        canvas, index = canvases[-1], len(masks)
        word = artist.instruct(canvas, picture).text
        masks.append(artist.locate(canvas, picture, nothing, word, interval_s) > 0.5)
        canvases.append(artist.render(canvas, picture, masks[-1], word, interval_s, index))
    return Painting(picture, canvases, masks)


def closer_share(painting: Painting) -> float:
    """Share of the steps after which the canvas differs less from the picture (mean of RGB)."""
    errors = [_error(canvas, painting.picture) for canvas in painting.canvases]
    return float(np.mean(np.diff(errors) < 0))


def holes_at_half_time(painting: Painting) -> float:
    """Share of the canvas that is bare inside of what was painted in the first half of the steps.

    The drawing is no paint. Places where the picture has the ground's colour are no holes.
    """
    ground = StrokesConfig().ground_rgb().astype(np.int16)
    half = len(painting.masks) // 2
    painted = np.any(painting.masks[1:half], axis=0)
    bare = np.abs(painting.canvases[half] - ground).max(axis=2) < BARE_LEVELS
    visible = np.abs(painting.picture - ground).max(axis=2) >= BARE_LEVELS
    return float((painted & bare & visible).mean())


def _row(path: Path, picture: np.ndarray, order: OrderName, sheets: Path | None) -> dict[str, Any]:
    start = time.perf_counter()
    usual = paint(picture, order)
    seconds = time.perf_counter() - start
    areas = {
        interval_s: float(np.mean([m.mean() for m in paint(picture, order, 0, interval_s).masks]))
        for interval_s in (10.0, 30.0)
    }
    other = paint(picture, order, seed=1)
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_sheet(usual.canvases)).save(sheets / f"{path.stem}.png")
    early = slice(1, 1 + len(usual.masks) // 4)
    begun = [np.any(painting.masks[early], axis=0) for painting in (usual, other)]
    return {
        "picture": path.name,
        "steps": len(usual.masks),
        "arrived": usual.has_arrived and other.has_arrived,
        "closer": round(closer_share(usual), 3),
        "holes": round(holes_at_half_time(usual), 4),
        "area_30s_over_10s": round(areas[30.0] / areas[10.0], 2),
        "first_quarter_iou_of_seeds": round(overlap(*begun), 2),
        "paint_s": round(seconds, 1),
    }


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "pictures": len(rows),
        "arrived": sum(row["arrived"] for row in rows),
        "closer_mean": round(float(np.mean([row["closer"] for row in rows])), 3),
        "holes_max": max(row["holes"] for row in rows),
        "area_30s_over_10s_mean": round(
            float(np.mean([row["area_30s_over_10s"] for row in rows])), 2
        ),
    }


def _command_cost(picture: Path, order: str) -> dict[str, Any]:
    """Seconds and peak memory of the whole command for one picture at its own size."""
    command = [sys.executable, "-m", "inference", "paint", str(picture), "--painter", order]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([*command, "-o", folder], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return {"command_s": round(seconds, 1), "command_gb": round(peak_gb, 2)}


def _sheet(canvases: Sequence[np.ndarray]) -> np.ndarray:
    """Sixteen moments in two rows, RGB uint8."""
    chosen = np.linspace(0, len(canvases) - 1, NUM_MOMENTS).round().astype(int)
    height = 200
    width = max(1, round(canvases[0].shape[1] * height / canvases[0].shape[0]))
    cells = [cv2.resize(canvases[n], (width, height), interpolation=cv2.INTER_AREA) for n in chosen]
    half = NUM_MOMENTS // 2
    return np.concatenate([np.concatenate(cells[:half], 1), np.concatenate(cells[half:], 1)])


def _error(canvas: np.ndarray, picture: np.ndarray) -> float:
    return float(np.abs(canvas.astype(np.int16) - picture).mean())


if __name__ == "__main__":
    run_app(app)
