"""The review page in Chromium, driven by keys and by a pointer for painting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from ingest.format.dataset import Dataset
from ingest.format.images import decode_mask
from labeling.benchmark.browser import ADVICE, find_browser, open_browser, serve_page
from labeling.corrections.corrections import (
    append_corrections,
    effective_corrections,
    locked_log,
    read_corrections,
)
from labeling.instructions.table import read_table
from labeling.regions.regions import read_regions

pytestmark = pytest.mark.skipif(
    find_browser() is None, reason=f"no Chromium to test the page in: {ADVICE}"
)


class Person:
    """A user who waits for the page after every action."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        driver.get(url)
        self.wait(lambda: self.script("return document.body.dataset.ready") == "yes")

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def wait(self, is_so: Callable[[], Any], why: str = "") -> Any:
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, 30, 0.02).until(lambda _: is_so(), why)

    def press(self, *keys: str) -> None:
        """Press keys, and wait until everything is saved and drawn."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()
        self.wait(lambda: self.script("return document.body.dataset.waiting ?? '0'") == "0")

    def chord(self, modifier: str, key: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()
        self.wait(lambda: self.script("return document.body.dataset.waiting ?? '0'") == "0")

    @property
    def pair(self) -> str:
        return self.script("return document.body.dataset.pair")

    def text(self, selector: str) -> str:
        return self.driver.find_element("css selector", selector).text

    def next_pair(self, before: str) -> str:
        self.wait(lambda: self.pair != before, f"{before} stays")
        return self.pair


@pytest.fixture
def dataset(labeled_dataset: Callable[..., Dataset]) -> Dataset:
    return labeled_dataset(2, 0, size=(192, 240))


@pytest.fixture
def person(dataset: Dataset) -> Iterator[Person]:
    with ExitStack() as stack:
        server = stack.enter_context(serve_page(dataset, "Ann"))
        yield Person(stack.enter_context(open_browser()), server.url)


def test_a_review_by_keys(person: Person, dataset: Dataset) -> None:
    from selenium.webdriver.common.keys import Keys

    start = first = person.pair
    machine = person.text("#label")
    person.press(Keys.ENTER)
    second = person.next_pair(first)
    person.press("moo")
    assert person.text("#matches").splitlines()[0] == "moon"
    assert "Save “moon”" in person.text("#accept"), "the button says what Enter does"
    person.press(Keys.ENTER)
    third = person.next_pair(second)
    person.press(Keys.TAB, "SKY, TREE, CLOUD")
    person.wait(lambda: "stored as “sky, cloud”; left out: tree" in person.text("#reading"))
    person.press(Keys.ESCAPE, Keys.TAB, "<b>castle</b>")
    person.wait(lambda: "not in the vocabulary: b" in person.text("#reading"))
    person.press(Keys.ENTER)
    fourth = person.next_pair(third)
    person.press(Keys.BACKSPACE)
    fifth = person.next_pair(fourth)
    person.press(Keys.ARROW_RIGHT)
    sixth = person.next_pair(fifth)
    person.press("sky, clo", Keys.TAB, "a note, =1+1", Keys.ENTER)
    person.next_pair(sixth)
    said = {c.pair_id: c for c in read_corrections(dataset)}
    assert [c.verdict for c in said.values()] == [
        "accept",
        "correct",
        "correct",
        "reject",
        "correct",
    ]
    assert (said[first].instruction, said[second].instruction) == (machine, "moon")
    assert said[third].instruction == "<b>castle</b>"
    assert (said[sixth].instruction, said[sixth].note) == ("sky, cloud", "a note, =1+1")
    assert {c.reviewer for c in said.values()} == {"Ann"}
    assert fifth not in said

    person.chord(Keys.CONTROL, "z")
    person.wait(lambda: person.pair == sixth)
    assert "Undone" in person.text("#message")
    assert sixth not in {key[0] for key in effective_corrections(read_corrections(dataset))}
    person.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    person.wait(lambda: person.pair == third)
    assert person.text("#label") == "b", "the label is what is stored"
    assert "<b>castle</b>" in person.text("#details"), "words are never markup"
    assert person.script("return document.querySelector('#details b')") is None
    person.press(Keys.HOME)
    person.wait(lambda: person.pair == start)
    person.press("?", Keys.ENTER)
    assert person.pair == start, "Enter closes the list of keys and decides nothing"
    assert not person.script("return document.getElementById('help').open")

    # Filters, by keys as well: what was rejected, and nothing else.
    person.press("/", Keys.ESCAPE)
    person.script(
        "const f = document.forms.filters; f.state.value = 'reject';"
        "f.dispatchEvent(new Event('change'))"
    )
    person.wait(lambda: person.pair == fourth)
    assert "1 of 1 in this list" in person.text("#place")
    assert "state=reject" in person.driver.current_url
    person.press("/", "castle", Keys.ENTER)
    person.wait(lambda: "No pair fits" in person.text("#stage"))
    assert person.driver.get_log("browser") == []


def test_brush_blink_slider_grid_and_agreement(person: Person, dataset: Dataset) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    first = person.pair
    for key, selector in (("2", ".single img"), ("3", ".slider-line"), ("4", "canvas.brush")):
        person.press(key)
        person.wait(
            lambda s=selector: person.script("return document.querySelector(arguments[0])", s)
        )
    canvas = person.driver.find_element("css selector", "canvas.brush")

    def drag(x: int, y: int) -> None:
        ActionChains(person.driver).move_to_element_with_offset(canvas, x, y).click_and_hold(
        ).move_by_offset(80, 40).release().perform()  # fmt: skip

    drag(-60, -60)
    drag(-60, 60)
    person.chord(Keys.CONTROL, "z")
    assert not dataset.corrections_csv.exists(), "a stroke was undone, not a decision"
    person.press(Keys.ARROW_RIGHT)
    assert "not saved" in person.text("#message")
    person.press(Keys.ENTER)
    second = person.next_pair(first)
    said = read_corrections(dataset)[0]
    assert (said.pair_id, said.verdict) == (first, "accept")
    machine = decode_mask(read_regions(dataset, first[:16])[first].mask)
    painted = decode_mask(dataset.human_mask_png(first[:16], said.mask_sha256).read_bytes())
    assert painted.shape == machine.shape
    added = painted & ~machine
    assert not (machine & ~painted).any()
    assert added.any() or machine.all(), "one stroke more than the machine's mask"

    person.press("5")
    person.wait(lambda: person.script("return document.querySelectorAll('.tile').length") == 8)
    person.press(" ", " ")
    assert "Accept 2 chosen" in person.text("#accept")
    person.press(Keys.ENTER)
    person.wait(lambda: len(read_corrections(dataset)) == 3)
    person.press("boa", Keys.ENTER)
    person.wait(lambda: len(read_corrections(dataset)) == 4)
    assert read_corrections(dataset)[-1].instruction == "boat"
    person.chord(Keys.CONTROL, "a")
    assert "Accept 8 chosen" in person.text("#accept")
    person.press(Keys.DELETE)
    person.wait(
        lambda: (
            {c.verdict for c in effective_corrections(read_corrections(dataset)).values()}
            == {"reject"}
        )
    )
    person.chord(Keys.CONTROL, "z")
    person.wait(lambda: len(effective_corrections(read_corrections(dataset))) == 4)
    assert second in {key[0] for key in effective_corrections(read_corrections(dataset))}
    person.press("6")
    person.wait(lambda: "Machine and people" in person.text("#stage"))
    assert person.driver.get_log("browser") == []


def test_a_conflicting_edit_is_shown_first(person: Person, dataset: Dataset) -> None:
    from selenium.webdriver.common.keys import Keys

    first = person.pair
    person.press(Keys.ENTER)
    second = person.next_pair(first)
    mine = read_corrections(dataset)[0]
    assert mine.pair_id == first
    content = read_table(dataset)[second].content_hash
    bob = replace(
        mine, pair_id=second, content_hash=content, verdict="correct", instruction="castle",
        reviewer="Bob",
    )  # fmt: skip
    with locked_log(dataset):
        append_corrections(dataset, [bob])
    person.press("boat", Keys.ENTER)
    person.wait(lambda: "Bob said 'castle'" in person.text("#message"))
    person.wait(lambda: person.pair == second)
    assert person.text("#label") == "castle"
    assert read_corrections(dataset)[-1] == bob
    person.press("boat", Keys.ENTER)
    person.wait(lambda: read_corrections(dataset)[-1].instruction == "boat")
    assert [c.reviewer for c in read_corrections(dataset)] == ["Ann", "Bob", "Ann"]

    # What stands in the fields counts, however the decision is made.
    third = person.next_pair(second)
    person.press("wat")
    person.driver.find_element("css selector", "#accept").click()
    fourth = person.next_pair(third)
    person.press(Keys.TAB, Keys.TAB, "out of focus")
    person.chord(Keys.CONTROL, Keys.DELETE)
    person.next_pair(fourth)
    found = [(c.pair_id, c.verdict, c.instruction, c.note) for c in read_corrections(dataset)[3:]]
    assert found == [(third, "correct", "water", ""), (fourth, "reject", "", "out of focus")]


def test_a_browser_that_hangs_is_killed(dataset: Dataset) -> None:
    import psutil
    from urllib3.exceptions import HTTPError

    with serve_page(dataset, "Ann") as server:
        with open_browser(timeout_s=2.0) as driver:
            Person(driver, server.url)
            browsers = psutil.Process(driver.service.process.pid).children(recursive=True)
            for process in browsers:
                process.suspend()
            with pytest.raises(HTTPError, match="timed out"):
                driver.execute_script("return 1")
        assert not any(process.is_running() for process in browsers)
