"""Measures the latency of the review page with many pairs (``labeling.benchmark.review``).

It runs in a Chromium with key events, on a dataset in which every pair has images
(`labeling.benchmark.review_dataset`). ``page`` measures from the request of the page to the first
pair drawn, and from a key to the next pair drawn. ``person`` corrects labels by keys alone, at a
person's pace.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ingest.conventions.cli import JsonOption, new_app, run_app, write_result
from ingest.format.dataset import Dataset
from ingest.format.vocabulary import VOCABULARY
from labeling.benchmark.browser import open_browser, serve_page
from labeling.benchmark.review_dataset import (
    PaintedVideo,
    make_painted_video,
    write_review_dataset,
)
from labeling.corrections.corrections import effective_corrections, read_corrections
from labeling.review.service import ReviewService

GOAL_FIRST_S = 1.0
"""Longest time until the first pair is drawn, in s."""
GOAL_NEXT_MS = 50.0
"""Longest time from a key to the next pair drawn, in ms."""
PAINTING_SEEDS = (1003, 1011, 1020)
"""Seeds of the studio's paintings that the dataset repeats."""
SIZE_PX = (512, 640)
"""Height and width of the canvases."""
NUM_STEPS = 60
"""Keys pressed for each row."""
PACE_S = 1.0
"""Seconds between two keys."""
LETTER_S = 0.12
"""Seconds between two typed letters."""
_RECORD_TIMES = """
window.drawn = [];
document.addEventListener("keydown", (event) => {
  const [pressed, before] = [event.timeStamp, document.body.dataset.pair];
  const look = () => {
    if (document.body.dataset.pair === before) requestAnimationFrame(look);
    else requestAnimationFrame(() => setTimeout(() => {
      window.drawn.push(performance.now() - pressed);
    }));
  };
  requestAnimationFrame(look);
}, true);
"""
"""Script that appends to ``window.drawn`` the milliseconds from each key event to the frame after
the one in which the next pair was drawn, so that rendering is included."""
_READY = "return document.body.dataset.ready && document.body.dataset.pair"
"""Script that returns the id of the first pair once the page is ready."""
_FIRST_MS = """
const done = arguments[0];
requestAnimationFrame(() => setTimeout(() => done(performance.now())));
"""
"""Asynchronous script that gives the milliseconds from the page's request to the next frame."""

app = new_app("Measure the review page in a real browser.")
DatasetOption = Annotated[Path, typer.Option(help="Dataset to make, or to use if it is there")]


def measure_review(
    root: Path, num_pairs: int = 100_000, pace_s: float = PACE_S, num_steps: int = NUM_STEPS
) -> list[dict[str, Any]]:
    """Measure the review page.

    Args:
        root: dataset of `num_pairs` pairs, made if it does not exist.
        pace_s: seconds between two keys; 0: as fast as the page shows the next pair.

    Returns:
        Rows with ``measure``, ``value``, ``unit``, ``reach`` (the goal) and ``reached``.
    """
    from selenium.webdriver.common.keys import Keys

    dataset = make_dataset(root, num_pairs)
    started = time.perf_counter()
    service = ReviewService(dataset, "benchmark")
    start_s = time.perf_counter() - started
    with serve_page(dataset, "benchmark") as server, open_browser() as driver:
        first_times_s = [first_screen_s(driver, server.url) for _ in range(5)]
        skip_times_ms = steps_ms(driver, Keys.ARROW_RIGHT, pace_s, num_steps)
        fast_skip_times_ms = steps_ms(driver, Keys.ARROW_RIGHT, 0.0, num_steps)
        accept_times_ms = steps_ms(driver, Keys.ENTER, pace_s, num_steps)
    num_listed = service.queue({})["length"]
    return [
        _row("review server start", start_s, "s", None),
        _row("review pairs listed", num_listed, "pairs", None),
        _row("review first screen, cold", first_times_s[0], "s", GOAL_FIRST_S),
        _row(
            "review first screen, median of 5", float(np.median(first_times_s)), "s", GOAL_FIRST_S
        ),
        *_step_rows(f"review next pair (skip, a key each {pace_s:g} s)", skip_times_ms),
        *_step_rows("review next pair (skip, without a pause)", fast_skip_times_ms),
        *_step_rows(f"review next pair (accept, a key each {pace_s:g} s)", accept_times_ms),
    ]


def make_dataset(root: Path, num_pairs: int) -> Dataset:
    """The dataset at `root` without corrections; it is made if it does not exist."""
    dataset = Dataset(root)
    if not dataset.instructions_parquet.is_file():
        write_review_dataset(root, num_pairs, painted_videos(PAINTING_SEEDS))
    dataset.corrections_csv.unlink(missing_ok=True)
    return dataset


def painted_videos(seeds: Sequence[int]) -> list[PaintedVideo]:
    """The studio's paintings with these seeds, without filming."""
    from labeling.instructions.rule_fit import painted_states

    return [make_painted_video(*painted_states(seed), SIZE_PX) for seed in seeds]


def first_screen_s(driver: Any, url: str) -> float:
    """Seconds from the request of the page until its first pair is drawn."""
    driver.get("about:blank")
    driver.get(url)
    _wait(driver, _READY)
    return driver.execute_async_script(_FIRST_MS) / 1000


def steps_ms(driver: Any, key: str, pace_s: float, count: int) -> list[float]:
    """Press a key `count` times; milliseconds from each key event until the next pair is drawn."""
    from selenium.webdriver import ActionChains

    driver.refresh()
    _wait(driver, _READY)
    driver.execute_script(_RECORD_TIMES)
    time.sleep(max(pace_s, 0.3))
    for number in range(1, count + 1):
        ActionChains(driver).send_keys(key).perform()
        _wait(driver, f"return window.drawn.length >= {number}")
        time.sleep(pace_s)
    return driver.execute_script("return window.drawn")


def correct_by_keys(
    driver: Any, url: str, truth: dict[str, str], count: int, think_s: float
) -> dict[str, Any]:
    """Correct `count` labels: accept a right one, or type the first letters of the true word.

    Args:
        truth: true word of each pair, by pair id.
        think_s: seconds before the first key of each pair.

    Returns:
        ``seconds``, number of ``keys``, and numbers of labels ``accepted`` and ``renamed``.
    """
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    driver.get(url)
    _wait(driver, _READY)
    counts, num_keys, started = {"accepted": 0, "renamed": 0}, 0, time.perf_counter()
    while sum(counts.values()) < count:
        pair = driver.execute_script("return document.body.dataset.pair")
        time.sleep(think_s)
        shown = driver.find_element("css selector", "#label").text
        letters = "" if shown == truth[pair] else truth[pair][: letters_needed(truth[pair])]
        for letter in letters:
            ActionChains(driver).send_keys(letter).perform()
            time.sleep(LETTER_S)
        ActionChains(driver).send_keys(Keys.ENTER).perform()
        _wait(driver, f"return document.body.dataset.pair !== {pair!r}")
        counts["renamed" if letters else "accepted"] += 1
        num_keys += len(letters) + 1
    _wait(driver, "return document.body.dataset.waiting === '0'")
    return {"seconds": time.perf_counter() - started, "keys": num_keys, **counts}


def letters_needed(word: str) -> int:
    """Number of letters that make `word` the first match in the page's list."""
    for count in range(1, len(word)):
        if next(known for known in VOCABULARY if known.startswith(word[:count])) == word:
            return count
    return len(word)


def _step_rows(name: str, times_ms: Sequence[float]) -> list[dict[str, Any]]:
    """Rows of the median and of the 95th percentile."""
    median, high = np.percentile(times_ms, [50, 95])
    return [
        _row(f"{name}, median", float(median), "ms", GOAL_NEXT_MS),
        _row(f"{name}, 95 %", float(high), "ms", GOAL_NEXT_MS),
    ]


def _row(measure: str, value: float, unit: str, goal: float | None) -> dict[str, Any]:
    reached = None if goal is None else value <= goal
    return {
        "measure": measure, "value": round(value, 3), "unit": unit, "reach": goal,
        "reached": reached,
    }  # fmt: skip


def _wait(driver: Any, script: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 60, 0.01).until(lambda d: d.execute_script(script))


@app.command()
def page(
    dataset: DatasetOption = Path("out/bench/review"),
    pairs: Annotated[int, typer.Option(help="Number of pairs")] = 100_000,
    json: JsonOption = None,
) -> None:
    """First screen and next pair."""
    rows = measure_review(dataset, pairs)
    for row in rows:
        reach = "" if row["reach"] is None else f"(reach {row['reach']:g}) "
        print(f"{row['measure']}: {row['value']:g} {row['unit']} {reach}")
    write_result(json, rows)


@app.command()
def person(
    dataset: DatasetOption = Path("out/bench/review"),
    count: Annotated[int, typer.Option(help="Labels to correct")] = 50,
    think: Annotated[float, typer.Option(help="Seconds of looking before each pair")] = 1.0,
    json: JsonOption = None,
) -> None:
    """Correct labels by keys alone, at a person's pace."""
    root = make_dataset(dataset, 100_000)
    truth = true_words(root)
    with serve_page(root, "person") as server, open_browser() as driver:
        found = correct_by_keys(driver, server.url, truth, count, think)
    corrections = effective_corrections(read_corrections(root)).values()
    found["right_in_log"] = sum(c.instruction == truth[c.pair_id] for c in corrections)
    print(", ".join(f"{name} {value:.4g}" for name, value in found.items()))
    write_result(json, found)


def true_words(dataset: Dataset) -> dict[str, str]:
    """The true word of each pair of a dataset of `make_dataset`, by pair id."""
    from labeling.instructions.table import read_table

    paintings = painted_videos(PAINTING_SEEDS)
    truth = {}
    for pair_id, label in read_table(dataset).items():
        video = paintings[int(label.video_id, 16) % len(paintings)]
        names = ["-".join(pair.pair_id.split("-")[1:]) for pair in video.pairs]
        truth[pair_id] = video.words[names.index(pair_id.partition("-")[2])]
    return truth


if __name__ == "__main__":
    run_app(app)
