"""``python -m inference paint`` with an order: a picture painted with strokes."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command.command import run_paint  # noqa: E402
from inference.command.replay import run_replay  # noqa: E402
from inference.output.session import read_session  # noqa: E402
from inference.output.stroke_film import StrokeFilmConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from labeling.benchmark.browser import ADVICE, find_browser, open_browser  # noqa: E402

CONFIG = InferenceConfig(
    strokes=StrokesConfig(num_steps=6), film=StrokeFilmConfig(seconds=5, fps=10)
)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small picture, painted by the default artist."""
    folder = tmp_path_factory.mktemp("strokes")
    y, x = np.mgrid[0:80, 0:101]
    picture = np.dstack([120 + 0 * x, 80 + y, 200 - x]).astype(np.uint8)
    picture[30:60, 40:70] = (180, 40, 30)
    Image.fromarray(picture).save(folder / "hill.png")
    _, code = run_paint([folder / "hill.png"], folder / "out", CONFIG, dry_run=False)
    assert code == 0
    return folder / "out" / "hill"


def test_the_last_canvas_is_the_picture_to_the_bit(painted: Path) -> None:
    session = read_session(painted)
    assert np.array_equal(session.samples[-1].next, session.samples[-1].target)
    assert session.record.stop == "arrived"
    assert not any(step.is_finish for step in session.record.steps)


def test_the_film_lays_strokes_and_is_as_long_as_asked(painted: Path) -> None:
    with av.open(str(painted / "painting.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 50
    changes = [np.abs(b.astype(int) - a).max() > 12 for a, b in zip(frames, frames[1:])]  # noqa: B905, RUF007
    # Slides of six canvases would change six times.
    assert sum(changes) > 12
    target = read_session(painted).samples[-1].target
    assert np.abs(frames[-1][:80, :101].astype(int) - target).mean() < 6


def test_the_strokes_are_written_for_every_step(painted: Path) -> None:
    record = json.loads((painted / "strokes.json").read_text(encoding="utf-8"))
    assert record["canvas_size_px"] == [101, 80]
    assert len(record["steps"]) == len(read_session(painted).samples)
    counts = {name: len(record["steps"][0][0][name]) for name in ("x", "y", "colour", "width")}
    assert len(set(counts.values())) == 1


def test_a_replay_paints_the_same_bytes(painted: Path, tmp_path: Path) -> None:
    result, code = run_replay(painted, tmp_path / "again", None, None)
    assert code == 0
    assert result["identical"]


@pytest.mark.skipif(find_browser() is None, reason=f"no Chromium to test the page in: {ADVICE}")
def test_the_page_scrubs_through_the_strokes(painted: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    with open_browser() as driver:
        driver.get(f"{(painted / 'index.html').as_uri()}#0")
        wait = WebDriverWait(driver, 30, 0.05)
        film = "document.getElementById('film')"
        wait.until(lambda d: d.execute_script(f"return {film}.readyState >= 2"))
        # Half way between the first and the second step: the page says that the second is painted.
        ends = driver.execute_script(
            "return JSON.parse(document.getElementById('session').textContent).film"
        )
        driver.execute_script(
            "const scrub = document.getElementById('scrub'); scrub.value = arguments[0];"
            "scrub.dispatchEvent(new Event('input'))",
            (ends[0] + ends[1]) / 2,
        )
        place = "return document.getElementById('place').textContent"
        wait.until(lambda d: d.execute_script(place).startswith("step 2 of "))
        assert abs(driver.execute_script(f"return {film}.currentTime") - sum(ends[:2]) / 2) < 0.2


def test_what_is_locked_stays_to_the_bit_to_the_end(painted: Path, tmp_path: Path) -> None:
    target = read_session(painted).samples[-1].target
    Image.fromarray(target).save(tmp_path / "hill.png")
    locked = np.zeros(target.shape[:2], np.uint8)
    locked[:30] = 255
    Image.fromarray(locked).save(tmp_path / "sky.png")
    script = [{"do": "lock", "at": 2, "mask": {"file": str(tmp_path / "sky.png")}}]
    (tmp_path / "script.json").write_text(json.dumps(script), encoding="utf-8")
    rollout = CONFIG.rollout.model_copy(update={"script": str(tmp_path / "script.json")})
    config = CONFIG.model_copy(update={"rollout": rollout})
    _, code = run_paint([tmp_path / "hill.png"], tmp_path / "out", config, dry_run=False)
    assert code == 0
    samples = read_session(tmp_path / "out" / "hill").samples
    assert len(samples) < 20
    for sample in samples[2:]:
        assert np.array_equal(sample.next[:30], samples[2].current[:30])
    assert np.array_equal(samples[-1].next[30:], target[30:])


def test_an_output_that_fails_takes_no_other_with_it(
    painted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference.command import outputs
    from ingest.format.tar import read_tar

    def broken(*_: object) -> None:
        raise ValueError("no palette")

    monkeypatch.setattr(outputs, "write_gif", broken)
    Image.fromarray(read_session(painted).samples[-1].target).save(tmp_path / "hill.png")
    Image.new("RGB", (64, 64), (90, 120, 60)).save(tmp_path / "flat.png")
    pictures = [tmp_path / "hill.png", tmp_path / "flat.png"]
    result, code = run_paint(pictures, tmp_path / "out", CONFIG, dry_run=False)
    assert code == 1
    assert "painting.gif: ValueError: no palette" in result["pictures"][0]["detail"]
    for name in ("painting.mp4", "sheet.png", "index.html", "frames/000.png"):
        assert (tmp_path / "out" / "hill" / name).is_file()
    assert list(read_tar(tmp_path / "out" / "hill" / "session" / "steps.tar"))
