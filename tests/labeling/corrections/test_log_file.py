"""The log of corrections survives kills and incomplete writes; older forms are read."""

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
from ingest.format.spreadsheet import from_csv, to_csv
from labeling.corrections.corrections import (
    COLUMNS,
    Correction,
    append_corrections,
    effective_corrections,
    latest_by_reviewer,
    locked_log,
    read_corrections,
)
from labeling.corrections.log_file import complete_rows
from labeling.corrections.log_follower import LogFollower
from labeling.review.spreadsheet_export import COLUMNS as REVIEW_COLUMNS
from labeling.review.spreadsheet_export import ReviewConfig, export_review
from labeling.review.spreadsheet_import import import_review

CORRECTION = Correction("v-k1", "a" * 64, "correct", "lake", "Ann", "=note", "sky")
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path)


def add(dataset: Dataset, *new: Correction) -> None:
    with locked_log(dataset):
        append_corrections(dataset, new)


def test_one_row_is_appended_without_rewriting_the_log(dataset: Dataset) -> None:
    add(dataset, CORRECTION, replace(CORRECTION, pair_id="v-k2"))
    before = dataset.corrections_csv.stat().st_ino, dataset.corrections_csv.read_bytes()
    add(dataset, replace(CORRECTION, pair_id="v-k3"))
    assert dataset.corrections_csv.stat().st_ino == before[0], "the file was not replaced"
    assert dataset.corrections_csv.read_bytes().startswith(before[1])
    assert [c.pair_id for c in read_corrections(dataset)] == ["v-k1", "v-k2", "v-k3"]


def test_line_breaks_in_a_note_are_kept(dataset: Dataset) -> None:
    add(dataset, CORRECTION)
    add(dataset, replace(CORRECTION, note='said "so",\r\nreally'))
    assert read_corrections(dataset)[1].note == 'said "so",\r\nreally'


@pytest.mark.parametrize("cut", range(1, 60))
def test_an_incomplete_row_is_skipped_and_set_aside(dataset: Dataset, cut: int) -> None:
    add(dataset, CORRECTION)
    complete = dataset.corrections_csv.read_bytes()
    torn = to_csv(COLUMNS, [{"pair_id": "v-k9", "content_hash": "b" * 64}], header=False)[:cut]
    dataset.corrections_csv.write_bytes(complete + torn)
    assert read_corrections(dataset) == [CORRECTION]
    assert LogFollower(dataset).read_new_rows().rows == [CORRECTION]
    add(dataset, replace(CORRECTION, pair_id="v-k2"))
    assert [c.pair_id for c in read_corrections(dataset)] == ["v-k1", "v-k2"]
    assert dataset.corrections_csv.with_name("torn.txt").read_bytes() == torn + b"\r\n"


def test_a_complete_last_row_needs_no_line_end(dataset: Dataset) -> None:
    add(dataset, CORRECTION)
    dataset.corrections_csv.write_bytes(dataset.corrections_csv.read_bytes().rstrip(b"\r\n"))
    assert complete_rows(dataset.corrections_csv.read_bytes()).endswith(b",sky")
    add(dataset, replace(CORRECTION, pair_id="v-k2"))
    assert len(read_corrections(dataset)) == 2


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_logs_of_older_versions_and_other_programs_are_upgraded(
    dataset: Dataset, delimiter: str
) -> None:
    old = "pair_id,content_hash,verdict,instruction,reviewer,note,machine_instruction,mine\r\n"
    old += f"v-k1,{'a' * 64},correct,lake,Ann,'=note,sky,more\r\n"
    dataset.corrections_csv.parent.mkdir()
    dataset.corrections_csv.write_text(old.replace(",", delimiter), newline="")
    assert read_corrections(dataset) == [CORRECTION]
    add(dataset, replace(CORRECTION, mask_sha256="c" * 64))
    assert [c.mask_sha256 for c in read_corrections(dataset)] == ["", "c" * 64]
    kept = list(dataset.corrections_csv.parent.glob("corrections.*.old.csv"))
    assert len(kept) == 1, "the old file is kept"
    assert "more" in kept[0].read_text()


def test_a_follower_reads_only_added_rows(dataset: Dataset) -> None:
    follower = LogFollower(dataset)
    assert follower.read_new_rows().rows == []
    rows = [replace(CORRECTION, pair_id=f"v-k{i}") for i in range(3)]
    add(dataset, rows[0])
    assert follower.read_new_rows().rows == rows[:1]
    add(dataset, rows[1])
    add(dataset, rows[2])
    update = follower.read_new_rows()
    assert (update.is_replaced, update.rows) == (False, rows[1:3])
    assert follower.read_new_rows().rows == []


def test_a_follower_reads_a_replaced_log_from_its_start(dataset: Dataset) -> None:
    follower = LogFollower(dataset)
    rows = [replace(CORRECTION, pair_id=f"v-k{i}") for i in range(3)]
    add(dataset, rows[0])
    follower.read_new_rows()
    add(dataset, rows[1], rows[2])  # several rows replace the file
    update = follower.read_new_rows()
    assert (update.is_replaced, update.rows) == (True, rows)
    dataset.corrections_csv.unlink()
    assert follower.read_new_rows().is_replaced


def test_a_confirmation_by_another_person_keeps_the_first_correction() -> None:
    bob = replace(CORRECTION, reviewer="Bob", instruction="Lakes")
    key = (CORRECTION.pair_id, CORRECTION.content_hash)
    assert effective_corrections([CORRECTION, bob]) == {key: CORRECTION}
    assert latest_by_reviewer([CORRECTION, bob]) == {key: {"Ann": CORRECTION, "Bob": bob}}


def test_a_withdrawal_voids_all_corrections() -> None:
    bob = replace(CORRECTION, reviewer="Bob", instruction="Lakes")
    key = (CORRECTION.pair_id, CORRECTION.content_hash)
    withdrawn = replace(CORRECTION, verdict="withdraw", instruction="")
    assert effective_corrections([CORRECTION, bob, withdrawn]) == {}
    assert latest_by_reviewer([CORRECTION, bob, withdrawn]) == {key: {"Bob": bob}}


def killed_after(seconds: float, work: Callable[[], object]) -> None:
    process = FORK.Process(target=work)
    process.start()
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_killed_imports_lose_no_row(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 0)
    file, log = dataset.root / "review.csv", dataset.corrections_csv
    export_review(dataset, file, ReviewConfig())
    rows = from_csv(file.read_bytes(), file, ("pair_id",))
    words = ("house", "boat")

    def written(word: str) -> bytes:
        file.write_bytes(to_csv(REVIEW_COLUMNS, [r | {"corrected": word} for r in rows]))
        return file.read_bytes()

    written(words[0])
    started = time.perf_counter()
    import_review(dataset, file, "Ann")
    length_s = time.perf_counter() - started
    rng, before = np.random.default_rng(0), log.read_bytes()
    for attempt in range(30):
        word = words[(attempt + 1) % 2]
        written(word)
        killed_after(rng.uniform(0, 1.5 * length_s), lambda: import_review(dataset, file, "Ann"))
        assert log.read_bytes().startswith(before), "no earlier row is lost"
        assert len(read_corrections(dataset)) % len(rows) == 0, (
            "a file is imported completely or not"
        )
        import_review(dataset, file, "Ann")
        after = log.read_bytes()
        assert {
            c.instruction for c in effective_corrections(read_corrections(dataset)).values()
        } == {word}
        assert len(after) - len(before) == len(
            to_csv(COLUMNS, map(vars, read_corrections(dataset)[-8:]), header=False)
        )
        before = after


def test_kills_lose_no_confirmed_row(dataset: Dataset) -> None:
    add(dataset, CORRECTION)
    rng = np.random.default_rng(1)
    for attempt in range(12):
        received, sent = FORK.Pipe(duplex=False)

        def edit(sent=sent, attempt=attempt) -> None:
            for number in range(1000):
                add(dataset, replace(CORRECTION, pair_id=f"v-{attempt}-{number}"))
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
