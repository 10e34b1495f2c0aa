"""Fits the built-in labeler's prototypes to the studio's paintings, and measures its accuracy.

``python -m labeling.instructions.rule_fit fit`` writes ``rule_prototypes.csv``; ``accuracy`` prints
accuracy and calibration on paintings of other seeds. Both paint with `ingest.studio`, without
filming, and use its words as ground truth. Half of the long steps are split in two pairs.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ingest.conventions.cli import JsonOption, new_app, run_app, write_result

FIT_SEEDS = (0, 60)
"""First seed and end of the paintings that prototypes are fitted to."""
TEST_SEEDS = (1000, 1030)
"""First seed and end of the paintings that the accuracy is measured on."""
SIZES_PX = ((240, 192), (192, 192), (192, 240), (272, 192))
"""(width, height) of the paintings, chosen by seed modulo four."""
DEVIATION_SCALE = 1.2
"""Factor on the fitted deviations: real paintings vary more than the studio's."""
DEVIATION_OFFSET = 0.03
"""Added to the fitted deviations, so that none is zero."""
MIN_STROKES_TO_HALVE = 60
"""Strokes from which a step may be split in two pairs."""
MIN_STEPS = 5
"""Steps of a word from which it gets a prototype."""
MIN_STEPS_TO_SPLIT = 20
"""Steps of a word from which it gets two prototypes."""

app = new_app("Fit and measure the built-in labeler on the studio's paintings.")
SeedOption = Annotated[int, typer.Option(help="First seed")]
SubjectOption = Annotated[str, typer.Option(help="landscape, portrait or still_life")]
EndOption = Annotated[int, typer.Option(help="Seed after the last")]


@app.command()
def fit(start: SeedOption = FIT_SEEDS[0], end: EndOption = FIT_SEEDS[1]) -> None:
    """Write rule_prototypes.csv and rule_pictures.csv beside this file."""
    import numpy as np

    from ingest.conventions.atomic import write_bytes
    from ingest.format.vocabulary import VOCABULARY
    from labeling.instructions.rule_confidence import PICTURES_FILE, pictures_csv
    from labeling.instructions.rule_labeler import MEASURES, PROTOTYPES_FILE

    seen: dict[str, list[list[float]]] = defaultdict(list)
    pictures: dict[int, np.ndarray] = {}
    for step in measured_steps(start, end):
        pictures[step.seed] = step.picture
        if step.measures is not None:
            seen[step.word].append([step.measures[name] for name in MEASURES])
    total = sum(map(len, seen.values()))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["word", "frequency", *(n + e for n in MEASURES for e in ("", "_deviation"))])
    for word in (word for word in VOCABULARY if len(seen[word]) >= MIN_STEPS):
        for values in _split_by_area(np.array(seen[word]), MEASURES.index("area")):
            median = np.median(values, axis=0)
            deviation = values.std(axis=0) * DEVIATION_SCALE + DEVIATION_OFFSET
            numbers = np.stack([median, deviation], axis=1).ravel()
            writer.writerow([word, f"{len(values) / total:.4f}", *(f"{n:.3f}" for n in numbers)])
    write_bytes(Path(__file__).with_name(PROTOTYPES_FILE), text.getvalue().encode())
    write_bytes(
        Path(__file__).with_name(PICTURES_FILE),
        pictures_csv([pictures[s] for s in sorted(pictures)]),
    )
    print(f"{PROTOTYPES_FILE} and {PICTURES_FILE}: from {total} steps of {end - start} paintings")


@app.command()
def accuracy(
    start: SeedOption = TEST_SEEDS[0],
    end: EndOption = TEST_SEEDS[1],
    subject: SubjectOption = "landscape",
    json: JsonOption = None,
) -> None:
    """Print how often the labeler is right on paintings that it was not fitted to."""
    import numpy as np

    from labeling.instructions.rule_labeler import RuleLabeler

    labeler = RuleLabeler()
    rows = [(step.word, labeler.classify(step.measures, distance_of(step)))
            for step in measured_steps(start, end, subject)]  # fmt: skip
    right = np.array([answer.text == word for word, answer in rows])
    confidence = np.array([answer.confidence for _, answer in rows])
    print(f"{len(rows)} steps of {end - start} paintings: {right.mean():.1%} right, "
          f"mean confidence {confidence.mean():.2f}")  # fmt: skip
    by_confidence: list[dict[str, float]] = []
    for low in np.arange(0, 1, 0.2):
        chosen = (confidence >= low) & (confidence < low + 0.2)
        if chosen.any():
            bin_ = {"from": round(float(low), 1), "steps": int(chosen.sum()),
                    "right": round(float(right[chosen].mean()), 3)}  # fmt: skip
            by_confidence.append(bin_)
            print(f"  confidence {low:.1f} to {low + 0.2:.1f}: {bin_['steps']} steps, "
                  f"{bin_['right']:.0%} right")  # fmt: skip
    by_word: dict[str, list[bool]] = defaultdict(list)
    for (word, _), is_right in zip(rows, right.tolist(), strict=True):
        by_word[word].append(is_right)
    for word, found in sorted(by_word.items(), key=lambda item: -len(item[1])):
        print(f"  {word}: {sum(found)} of {len(found)}")
    result = {
        "steps": len(rows), "accuracy": float(right.mean()),
        "mean_confidence": float(confidence.mean()), "by_confidence": by_confidence,
        "by_word": {word: [sum(found), len(found)] for word, found in by_word.items()},
    }  # fmt: skip
    write_result(json, result)


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a painting, measured."""

    seed: int
    word: str
    """What the studio painted."""
    measures: dict[str, float] | None
    """`labeling.instructions.rule_labeler.measure_region`."""
    picture: Any
    """`labeling.instructions.rule_confidence.picture_measures` of the finished painting."""


def distance_of(step: Step) -> float:
    """`picture_distance` of a step's finished painting."""
    from labeling.instructions.rule_confidence import distance_to, known_pictures

    return distance_to(step.picture, known_pictures())


def measured_steps(start: int, end: int, subject: str = "landscape") -> Iterator[Step]:
    """Every step of the paintings of a subject with seeds [start, end)."""
    import numpy as np

    from labeling.instructions.labeler import PairImages
    from labeling.instructions.rule_confidence import picture_measures
    from labeling.instructions.rule_labeler import measure_region
    from labeling.regions.perceptual import PerceptualDistance
    from labeling.regions.regions import difference_mask

    distance = PerceptualDistance()
    for seed in range(start, end):
        states, words = painted_states(seed, subject)
        picture = picture_measures(states[-1])
        for before, after, word in zip(states, states[1:], words, strict=False):
            mask = difference_mask(distance.maps(before[None], after[None])[0])
            pair = PairImages(before, after, np.asarray(states[-1]), mask)
            yield Step(seed, word, measure_region(pair), picture)


def painted_states(seed: int, subject: str = "landscape") -> tuple[list[Any], list[str]]:
    """Paint one of the studio's paintings.

    Returns:
        The canvases from white to finished, RGB uint8 (H, W, 3), and the word of each step.
    """
    import numpy as np

    from ingest.studio.painting.formats import Subject
    from ingest.studio.painting.planner import plan_painting

    width, height = SIZES_PX[seed % len(SIZES_PX)]
    plan = plan_painting(seed, width / height, cast(Subject, subject))
    canvas = plan.canvas(width, height)
    states, words = [np.full((height, width, 3), 255, np.uint8)], []
    rng = np.random.default_rng(seed)
    for step in plan.steps:
        count = len(step.strokes)
        is_halved = count >= MIN_STROKES_TO_HALVE and rng.random() < 0.5
        stops = [count // 2, count] if is_halved else [count]
        for first, last in zip([0, *stops], stops, strict=False):
            for stroke in step.strokes[first:last]:
                canvas.apply(stroke)
            states.append(canvas.picture().copy())
            words.append(step.word)
    return states, words


def _split_by_area(values: Any, area: int) -> list[Any]:
    """Split the steps of a word, float64 (N, 14), at the median area if there are enough of them.

    A first wash of the sky and its last corrections look different.

    Args:
        area: column of the area.
    """
    if len(values) < MIN_STEPS_TO_SPLIT:
        return [values]
    ordered = values[values[:, area].argsort(kind="stable")]
    return [ordered[: len(values) // 2], ordered[len(values) // 2 :]]


if __name__ == "__main__":
    run_app(app)
