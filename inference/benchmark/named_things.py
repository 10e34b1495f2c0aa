"""``python -m inference.benchmark.named_things``: whether ``--say WORD`` finds the thing.

On studio paintings that the order network was not trained on: the overlap of the regions that are
painted first with what was really painted under that word.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from inference.artist.planned.orders import order_plan
from inference.artist.planned.plan import PaintingPlan
from inference.rollout.region import overlap
from ingest.conventions.atomic import write_json
from ingest.conventions.cli import new_app, run_app
from ingest.conventions.errors import UserError
from training.order.examples import ASPECTS, PAINTED_CHANGE, studio_canvases, studio_subject
from training.order.labels import PASSING_WORDS

FIRST_SEED = 700000
"""The first held-out seed of `training.order`."""
SMALLEST_AREA = 0.02
"""Share of the canvas below which a thing is not asked for."""

app = new_app("Measure whether a word finds its thing.")


@app.command()
def main(
    count: Annotated[int, typer.Option(help="Studio paintings, at most 40 held-out ones")] = 40,
    json: Annotated[Path | None, typer.Option(help="Write the figures here")] = None,
) -> None:
    """Print the mean overlap for each word, and over all things."""
    overlaps: dict[str, list[float]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        for word, value in named_overlaps(seed).items():
            overlaps.setdefault(word, []).append(value)
    values = [value for found in overlaps.values() for value in found]
    for word, found in sorted(overlaps.items()):
        print(f"{word}: IoU {np.mean(found):.2f} of {len(found)}")
    print(f"all: IoU {np.mean(values):.3f}, median {np.median(values):.3f}, {len(values)} things")
    if json is not None:
        write_json(json, {"iou": float(np.mean(values)), "things": len(values), "words": overlaps})


def named_overlaps(seed: int) -> dict[str, float]:
    """IoU of what a word finds with what was last painted under it, for each large thing of the
    studio's painting; 0 where the word finds nothing."""
    aspect = ASPECTS[seed % len(ASPECTS)]
    canvases, words = studio_canvases(seed, studio_subject(seed), aspect)
    things = {
        word: thing
        for word, thing in _things(canvases, words).items()
        if thing.mean() >= SMALLEST_AREA
    }
    plan = order_plan("learned", canvases[-1], seed=0)
    return {word: overlap(_found(plan, word), thing) for word, thing in things.items()}


def _things(canvases: list[np.ndarray], words: list[str]) -> dict[str, np.ndarray]:
    """Where each word was painted last, bool (H, W); details and drawing are no things."""
    things: dict[str, np.ndarray] = {}
    for word, (before, after) in zip(words, pairwise(canvases), strict=True):
        if word in PASSING_WORDS:
            continue
        painted = np.abs(after.astype(np.int16) - before).max(axis=2) > PAINTED_CHANGE
        things = {known: thing & ~painted for known, thing in things.items()}
        things[word] = things.get(word, np.zeros_like(painted)) | painted
    return things


def _found(plan: PaintingPlan, word: str) -> np.ndarray:
    try:
        return np.isin(plan.regions.labels, plan.looking_like(word))
    except UserError:
        return np.zeros(plan.regions.labels.shape, bool)


if __name__ == "__main__":
    run_app(app)
