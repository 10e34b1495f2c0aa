"""python -m labeling.benchmark.review: how quick is the review page with very many pairs?

Measured in a real Chromium with real key events, on a dataset whose every pair has its pictures
(`labeling.benchmark.review_dataset`): from the request of the page to the first pair drawn, and
from the key to the next pair drawn. ``person`` corrects labels at a person's pace, by keys alone.
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
from labeling.benchmark.browser import open_browser, served
from labeling.benchmark.review_dataset import PaintedVideo, paint, write_review_dataset
from labeling.corrections.corrections import in_force, read_corrections
from labeling.review.service import ReviewService

REACH_FIRST_S, REACH_NEXT_MS = 1.0, 50.0
PAINTING_SEEDS, SIZE_PX = (1003, 1011, 1020), (512, 640)
NUM_STEPS, PACE_S = 60, 1.0
# Times are taken inside the page: from the key event to the frame after the one in which the next
# pair was drawn, so painting it is part of it.
_WATCH = """
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
_READY = "return document.body.dataset.ready && document.body.dataset.pair"
_FIRST_MS = """
const done = arguments[0];
requestAnimationFrame(() => setTimeout(() => done(performance.now())));
"""

app = new_app("Measure the review page in a real browser.")
DatasetOption = Annotated[Path, typer.Option(help="Dataset to make, or to use if it is there")]


def measure_review(
    root: Path, num_pairs: int = 100_000, pace_s: float = PACE_S, num_steps: int = NUM_STEPS
) -> list[dict[str, Any]]:
    """Rows ``measure``, ``value``, ``unit``, ``reach``, ``reached`` of the review page.

    Args:
        root: dataset of `num_pairs` pairs, made if it is not there.
        pace_s: seconds between two keys; 0: as fast as the page shows the next pair.
    """
    from selenium.webdriver.common.keys import Keys

    dataset = make_dataset(root, num_pairs)
    started = time.perf_counter()
    service = ReviewService(dataset, "benchmark")
    start_s = time.perf_counter() - started
    with served(dataset, "benchmark") as server, open_browser() as driver:
        firsts = [first_screen_s(driver, server.url) for _ in range(5)]
        skipped = steps_ms(driver, Keys.ARROW_RIGHT, pace_s, num_steps)
        hurried = steps_ms(driver, Keys.ARROW_RIGHT, 0.0, num_steps)
        accepted = steps_ms(driver, Keys.ENTER, pace_s, num_steps)
    num_found = service.queue({})["length"]
    return [
        _row("review server start", start_s, "s", None),
        _row("review pairs listed", num_found, "pairs", None),
        _row("review first screen, cold", firsts[0], "s", REACH_FIRST_S),
        _row("review first screen, median of 5", float(np.median(firsts)), "s", REACH_FIRST_S),
        *_of_steps(f"review next pair (skip, a key each {pace_s:g} s)", skipped),
        *_of_steps("review next pair (skip, without a pause)", hurried),
        *_of_steps(f"review next pair (accept, a key each {pace_s:g} s)", accepted),
    ]


def make_dataset(root: Path, num_pairs: int) -> Dataset:
    """The dataset at `root`; made of paintings of the studio if it is not there."""
    dataset = Dataset(root)
    if not dataset.instructions_parquet.is_file():
        write_review_dataset(root, num_pairs, painted(PAINTING_SEEDS))
    dataset.corrections_csv.unlink(missing_ok=True)
    return dataset


def painted(seeds: Sequence[int]) -> list[PaintedVideo]:
    """Paintings of the studio, without filming them."""
    from labeling.instructions.rule_fit import painted_states

    return [paint(*painted_states(seed), SIZE_PX) for seed in seeds]


def first_screen_s(driver: Any, url: str) -> float:
    """Seconds from the request of the page until its first pair is drawn."""
    driver.get("about:blank")
    driver.get(url)
    _wait(driver, _READY)
    return driver.execute_async_script(_FIRST_MS) / 1000


def steps_ms(driver: Any, key: str, pace_s: float, count: int) -> list[float]:
    """Milliseconds from each of `count` key events until the next pair is drawn."""
    from selenium.webdriver import ActionChains

    driver.refresh()
    _wait(driver, _READY)
    driver.execute_script(_WATCH)
    time.sleep(max(pace_s, 0.3))
    for number in range(1, count + 1):
        ActionChains(driver).send_keys(key).perform()
        _wait(driver, f"return window.drawn.length >= {number}")
        time.sleep(pace_s)
    return driver.execute_script("return window.drawn")


def correct_by_keys(
    driver: Any, url: str, truth: dict[str, str], count: int, think_s: float
) -> dict[str, Any]:
    """Correct `count` labels as a person does: look, then accept, or type letters and Enter.

    Args:
        truth: what each pair really paints, by pair id.
        think_s: seconds of looking before each pair's first key; letters follow 0.12 s apart.
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
            time.sleep(0.12)
        ActionChains(driver).send_keys(Keys.ENTER).perform()
        _wait(driver, f"return document.body.dataset.pair !== {pair!r}")
        counts["renamed" if letters else "accepted"] += 1
        num_keys += len(letters) + 1
    _wait(driver, "return document.body.dataset.waiting === '0'")
    return {"seconds": time.perf_counter() - started, "keys": num_keys, **counts}


def letters_needed(word: str) -> int:
    """How many letters make `word` the first match of the page's list."""
    for count in range(1, len(word)):
        if next(known for known in VOCABULARY if known.startswith(word[:count])) == word:
            return count
    return len(word)


def _of_steps(name: str, times_ms: Sequence[float]) -> list[dict[str, Any]]:
    middle, high = np.percentile(times_ms, [50, 95])
    return [
        _row(f"{name}, median", float(middle), "ms", REACH_NEXT_MS),
        _row(f"{name}, 95 %", float(high), "ms", REACH_NEXT_MS),
    ]


def _row(measure: str, value: float, unit: str, reach: float | None) -> dict[str, Any]:
    reached = None if reach is None else value <= reach
    return {
        "measure": measure, "value": round(value, 3), "unit": unit, "reach": reach,
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
    with served(root, "person") as server, open_browser() as driver:
        found = correct_by_keys(driver, server.url, truth, count, think)
    said = in_force(read_corrections(root)).values()
    found["right_in_log"] = sum(c.instruction == truth[c.pair_id] for c in said)
    print(", ".join(f"{name} {value:.4g}" for name, value in found.items()))
    write_result(json, found)


def true_words(dataset: Dataset) -> dict[str, str]:
    """What each pair of a dataset of `make_dataset` paints, by pair id."""
    from labeling.instructions.table import read_table

    paintings = painted(PAINTING_SEEDS)
    truth = {}
    for pair_id, label in read_table(dataset).items():
        video = paintings[int(label.video_id, 16) % len(paintings)]
        names = ["-".join(pair.pair_id.split("-")[1:]) for pair in video.pairs]
        truth[pair_id] = video.words[names.index(pair_id.partition("-")[2])]
    return truth


if __name__ == "__main__":
    run_app(app)
