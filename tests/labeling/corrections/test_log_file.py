"""The log of corrections: whole after kills and torn writes, cheap to add to, old forms read."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.format.dataset import Dataset
from labeling.corrections.corrections import (
    COLUMNS,
    Correction,
    append_corrections,
    by_reviewer,
    in_force,
    locked_log,
    read_corrections,
)
from labeling.corrections.log_file import committed
from labeling.corrections.log_follower import LogFollower
from labeling.corrections.spreadsheet import from_csv, to_csv
from labeling.review.export import COLUMNS as REVIEW_COLUMNS
from labeling.review.export import ReviewConfig, export_review
from labeling.review.import_sheet import import_review

SAID = Correction("v-k1", "a" * 64, "correct", "lake", "Ann", "=note", "sky")
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path)


def add(dataset: Dataset, *new: Correction) -> None:
    with locked_log(dataset):
        append_corrections(dataset, new)


def test_one_edit_does_not_write_the_others_again(dataset: Dataset) -> None:
    add(dataset, SAID, replace(SAID, pair_id="v-k2"))
    before = dataset.corrections_csv.stat().st_ino, dataset.corrections_csv.read_bytes()
    add(dataset, replace(SAID, pair_id="v-k3"))
    assert dataset.corrections_csv.stat().st_ino == before[0], "the file was not made anew"
    assert dataset.corrections_csv.read_bytes().startswith(before[1])
    assert [c.pair_id for c in read_corrections(dataset)] == ["v-k1", "v-k2", "v-k3"]


def test_line_breaks_in_a_note_come_in_whole(dataset: Dataset) -> None:
    add(dataset, SAID)
    add(dataset, replace(SAID, note='said "so",\r\nreally'))
    assert read_corrections(dataset)[1].note == 'said "so",\r\nreally'


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_row_that_was_cut_short_counts_not_and_is_kept_aside(dataset: Dataset, cut: int) -> None:
    add(dataset, SAID)
    whole = dataset.corrections_csv.read_bytes()
    torn = to_csv(COLUMNS, [{"pair_id": "v-k9", "content_hash": "b" * 64}], header=False)[:cut]
    dataset.corrections_csv.write_bytes(whole + torn)
    assert read_corrections(dataset) == [SAID]
    assert LogFollower(dataset).news().rows == [SAID]
    add(dataset, replace(SAID, pair_id="v-k2"))
    assert [c.pair_id for c in read_corrections(dataset)] == ["v-k1", "v-k2"]
    assert dataset.corrections_csv.with_name("torn.txt").read_bytes() == torn + b"\r\n"


def test_a_last_line_by_hand_needs_no_line_end(dataset: Dataset) -> None:
    add(dataset, SAID)
    dataset.corrections_csv.write_bytes(dataset.corrections_csv.read_bytes().rstrip(b"\r\n"))
    assert committed(dataset.corrections_csv.read_bytes()).endswith(b",sky")
    add(dataset, replace(SAID, pair_id="v-k2"))
    assert len(read_corrections(dataset)) == 2


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_logs_of_earlier_versions_and_other_programs(dataset: Dataset, delimiter: str) -> None:
    old = "pair_id,content_hash,verdict,instruction,reviewer,note,machine_instruction,mine\r\n"
    old += f"v-k1,{'a' * 64},correct,lake,Ann,'=note,sky,more\r\n"
    dataset.corrections_csv.parent.mkdir()
    dataset.corrections_csv.write_text(old.replace(",", delimiter), newline="")
    assert read_corrections(dataset) == [SAID]
    add(dataset, replace(SAID, mask_sha256="c" * 64))
    assert [c.mask_sha256 for c in read_corrections(dataset)] == ["", "c" * 64]
    kept = list(dataset.corrections_csv.parent.glob("corrections.*.old.csv"))
    assert len(kept) == 1, "the file as it was stays beside it"
    assert "more" in kept[0].read_text()


def test_a_follower_sees_what_others_write(dataset: Dataset) -> None:
    follower = LogFollower(dataset)
    assert follower.news().rows == []
    rows = [replace(SAID, pair_id=f"v-k{i}") for i in range(6)]
    add(dataset, rows[0])
    assert follower.news().rows == rows[:1]
    add(dataset, rows[1])
    add(dataset, rows[2])
    news = follower.news()
    assert (news.is_anew, news.rows) == (False, rows[1:3])
    assert follower.news().rows == []
    add(dataset, rows[3], rows[4])  # made anew beside the old one
    news = follower.news()
    assert (news.is_anew, news.rows) == (True, rows[:5])
    dataset.corrections_csv.unlink()
    assert follower.news().is_anew


def test_what_another_person_confirms_changes_nothing() -> None:
    bob = replace(SAID, reviewer="Bob", instruction="Lakes")
    key = (SAID.pair_id, SAID.content_hash)
    assert in_force([SAID, bob]) == {key: SAID}
    assert by_reviewer([SAID, bob]) == {key: {"Ann": SAID, "Bob": bob}}
    withdrawn = replace(SAID, verdict="withdraw", instruction="")
    assert in_force([SAID, bob, withdrawn]) == {}
    assert by_reviewer([SAID, bob, withdrawn]) == {key: {"Bob": bob}}


def killed_after(seconds: float, work: Callable[[], object]) -> None:
    process = FORK.Process(target=work)
    process.start()
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_thirty_kills_during_imports(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 0)
    file, log = dataset.root / "review.csv", dataset.corrections_csv
    export_review(dataset, file, ReviewConfig())
    rows = from_csv(file.read_bytes(), file, ("pair_id",))
    words = ("castle", "boat")

    def written(word: str) -> bytes:
        file.write_bytes(to_csv(REVIEW_COLUMNS, [r | {"corrected": word} for r in rows]))
        return file.read_bytes()

    written(words[0])
    started = time.perf_counter()
    import_review(dataset, file, "Ann")
    length_s = time.perf_counter() - started
    rng, whole = np.random.default_rng(0), log.read_bytes()
    for attempt in range(30):
        word = words[(attempt + 1) % 2]
        written(word)
        killed_after(rng.uniform(0, 1.5 * length_s), lambda: import_review(dataset, file, "Ann"))
        held = log.read_bytes()
        assert held.startswith(whole), "nothing that was in is lost"
        assert len(read_corrections(dataset)) % len(rows) == 0, "a file comes in whole or not"
        import_review(dataset, file, "Ann")
        after = log.read_bytes()
        assert {c.instruction for c in in_force(read_corrections(dataset)).values()} == {word}
        assert len(after) - len(whole) == len(
            to_csv(COLUMNS, map(vars, read_corrections(dataset)[-8:]), header=False)
        )
        whole = after


def test_kills_between_single_edits_lose_none_that_was_confirmed(dataset: Dataset) -> None:
    add(dataset, SAID)
    rng = np.random.default_rng(1)
    for attempt in range(12):
        received, sent = FORK.Pipe(duplex=False)

        def edit(sent=sent, attempt=attempt) -> None:
            for number in range(1000):
                add(dataset, replace(SAID, pair_id=f"v-{attempt}-{number}"))
                sent.send(number)

        killed_after(rng.uniform(0.01, 0.06), edit)
        confirmed = -1
        while received.poll():
            confirmed = received.recv()
        numbers = [
            c.pair_id for c in read_corrections(dataset) if c.pair_id.startswith(f"v-{attempt}-")
        ]
        assert numbers[: confirmed + 1] == [f"v-{attempt}-{i}" for i in range(confirmed + 1)]
        assert len(numbers) <= confirmed + 2
