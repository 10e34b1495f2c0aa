"""Corrections by spreadsheet: every row gets a status, and no correction is lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.tar import read_tar, write_tar
from labeling.corrections.corrections import effective_corrections, read_corrections
from labeling.instructions.normalisation import normalise
from labeling.instructions.table import read_table
from labeling.regions.regions import RegionsConfig, RegionTask, label_regions
from labeling.review.spreadsheet_export import ReviewConfig, export_review
from labeling.review.spreadsheet_import import ImportOptions, import_review, unapplied_csv

Rows = list[dict[str, str]]


@pytest.fixture
def dataset(labeled_dataset: Callable[..., Dataset]) -> Dataset:
    return labeled_dataset(2, 0)


def exported(dataset: Dataset, reuse: bool = False) -> Rows:
    file = dataset.root / "out" / "review.csv"
    if not (reuse and file.is_file()):
        export_review(dataset, file, ReviewConfig())
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))


def exported_in(sheet: Path) -> Rows:
    return list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"), newline="")))


def filed(dataset: Dataset, rows: Rows, name: str = "back.csv") -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path = dataset.root / name
    path.write_text(text.getvalue(), "utf-8", newline="")
    return path


def statuses(dataset: Dataset, rows: Rows, reviewer: str = "Ann", **options: Any) -> list[str]:
    chosen = ImportOptions(**{"new_words": True, **options})
    report = import_review(dataset, filed(dataset, rows), reviewer, chosen)
    return [row.status for row in report.rows]


def test_the_export_lists_every_pair_least_confident_first(dataset: Dataset) -> None:
    rows = exported(dataset)
    assert {row["pair_id"] for row in rows} == set(read_table(dataset))
    confidences = [float(row["confidence"]) for row in rows]
    assert confidences == sorted(confidences)
    for name in ("current", "next", "target", "mask"):
        assert (dataset.root / "out" / rows[0][name]).is_file()
    assert all(row[n] == "" for row in rows for n in ("corrected", "verdict", "note", "reviewer"))


def test_pairs_without_labels_are_counted(dataset: Dataset) -> None:
    video = dataset.video_ids()[0]
    path = dataset.outcome_json(video)
    rows, unlabeled = export_review(dataset, dataset.root / "a.csv", ReviewConfig())
    assert (rows, unlabeled) == (8, 0)
    new = path.with_name("f" * 16 + ".json")
    new.write_text(path.read_text().replace(video, "f" * 16))
    samples = [
        (
            key.replace(video, "f" * 16),
            {n: d.replace(video.encode(), b"f" * 16) for n, d in f.items()},
        )
        for key, f in read_tar(dataset.keyframes_tar(video))
    ]
    write_tar(dataset.keyframes_tar("f" * 16), samples)
    label_regions(RegionTask(dataset.root, "f" * 16, RegionsConfig()))
    assert export_review(dataset, dataset.root / "b.csv", ReviewConfig()) == (8, 4)


def test_an_unedited_file_changes_nothing(dataset: Dataset) -> None:
    assert set(statuses(dataset, exported(dataset))) == {"unchanged"}
    assert not dataset.corrections_csv.exists()


def test_the_status_of_every_kind_of_row(dataset: Dataset) -> None:
    rows = exported(dataset)
    rows[0] |= {"corrected": "Castle Walls", "note": "=HYPERLINK(1)", "reviewer": "Bob"}
    rows[1] |= {"verdict": "OK"}
    rows[2] |= {"verdict": "reject"}
    rows[3] |= {"verdict": "maybe"}
    rows[4] |= {"verdict": "reject", "corrected": "sky"}
    rows[5] |= {"pair_id": "nobody-k0001", "verdict": "accept"}
    rows[6] |= {"content_hash": "0" * 64, "corrected": "sky"}
    rows[7] |= {"label_hash": "m0", "corrected": "sky"}
    assert statuses(dataset, rows) == [
        "applied", "applied", "applied", "invalid", "invalid", "unknown", "stale", "stale",
    ]  # fmt: skip
    log = {c.pair_id: c for c in read_corrections(dataset)}
    assert len(log) == 3
    first = log[rows[0]["pair_id"]]
    assert (first.verdict, first.instruction, first.reviewer) == ("correct", "Castle Walls", "Bob")
    assert first.note == "=HYPERLINK(1)"
    assert "'=HYPERLINK" in dataset.corrections_csv.read_text()
    second = log[rows[1]["pair_id"]]
    assert (second.verdict, second.instruction) == ("accept", rows[1]["machine_label"])
    assert log[rows[2]["pair_id"]].verdict == "reject"


def test_the_same_file_again_is_unchanged(dataset: Dataset) -> None:
    rows = exported(dataset)
    rows[0] |= {"corrected": "castle"}
    assert statuses(dataset, rows)[0] == "applied"
    log = dataset.corrections_csv.read_bytes()
    assert statuses(dataset, rows)[0] == "unchanged"
    assert dataset.corrections_csv.read_bytes() == log
    assert exported(dataset)[-1]["in_force"] == "castle", "decided pairs come last"


def test_a_changed_decision_is_appended(dataset: Dataset) -> None:
    rows = exported(dataset)
    for word in ("castle", "sky", "boat"):
        rows[0] |= {"corrected": word}
        assert statuses(dataset, rows)[0] == "applied"
    log = read_corrections(dataset)
    assert [c.instruction for c in log] == ["castle", "sky", "boat"]
    assert effective_corrections(log)[log[0].pair_id, log[0].content_hash].instruction == "boat"


def test_reviewers_conflict_until_one_overrules(dataset: Dataset) -> None:
    rows = exported(dataset)
    rows[0] |= {"corrected": "castle"}
    assert statuses(dataset, rows, reviewer="Ann")[0] == "applied"
    assert statuses(dataset, rows, reviewer="Bob")[0] == "unchanged"
    rows[0] |= {"corrected": "boat"}
    assert statuses(dataset, rows, reviewer="Bob")[0] == "conflicting"
    said = [(c.reviewer, c.instruction) for c in read_corrections(dataset)]
    assert said == [("Ann", "castle"), ("Bob", "castle")], "who confirms is counted, once"
    assert next(iter(effective_corrections(read_corrections(dataset)).values())).reviewer == "Ann"
    assert statuses(dataset, rows, reviewer="Bob", overrule=True)[0] == "applied"
    assert [c.instruction for c in read_corrections(dataset)] == ["castle", "castle", "boat"]


def test_contradicting_rows_of_a_file_are_not_applied(dataset: Dataset) -> None:
    rows = exported(dataset)[:2]
    rows[0] |= {"corrected": "castle"}
    rows.append({**rows[0], "corrected": "boat"})
    rows.append({**rows[0], "corrected": "Castles"})
    found = import_review(dataset, filed(dataset, rows), "Ann", ImportOptions(new_words=True))
    assert [row.status for row in found.rows] == ["conflicting", "unchanged", *["conflicting"] * 2]
    assert "line 4" in found.rows[0].detail
    assert list(found.conflicts) == [rows[0]["pair_id"]]
    assert read_corrections(dataset) == []
    rows[2] |= {"corrected": "castle"}
    assert statuses(dataset, rows) == ["applied", "unchanged", "unchanged", "unchanged"]
    assert len(read_corrections(dataset)) == 1


def test_a_row_needs_a_reviewer(dataset: Dataset) -> None:
    rows = exported(dataset)
    rows[0] |= {"corrected": "castle"}
    assert statuses(dataset, rows, reviewer="")[0] == "invalid"


def test_a_file_without_the_columns_is_refused(dataset: Dataset) -> None:
    path = filed(dataset, [{"a": "b"}])
    with pytest.raises(UserError, match="column pair_id"):
        import_review(dataset, path, "Ann")


def test_a_damaged_log_is_reported_and_kept(dataset: Dataset) -> None:
    rows = exported(dataset)
    rows[0] |= {"corrected": "castle"}
    statuses(dataset, rows)
    text = dataset.corrections_csv.read_text() + "pair,hash,perhaps,,,,\n"
    dataset.corrections_csv.write_text(text)
    rows[0] |= {"corrected": "boat"}
    with pytest.raises(UserError, match="line 3"):
        statuses(dataset, rows)
    assert dataset.corrections_csv.read_text() == text


def test_an_export_never_writes_over_what_is_not_imported(dataset: Dataset) -> None:
    rows = exported(dataset)
    rows[0] |= {"corrected": "sky"}
    rows[1] |= {"verdict": "reject", "note": "blurred"}
    sheet = filed(dataset, rows, "review.csv")
    before = sheet.read_bytes()
    with pytest.raises(
        UserError, match=r"review.csv holds 2 entries .* review import .*review.csv"
    ):
        export_review(dataset, sheet, ReviewConfig())
    assert sheet.read_bytes() == before
    import_review(dataset, sheet, "Ann")
    export_review(dataset, sheet, ReviewConfig())
    assert exported_in(sheet)[-1]["in_force"] in ("sky", "(rejected)")


def test_an_export_keeps_columns_and_files_of_people(dataset: Dataset) -> None:
    rows = exported(dataset)
    sheet = filed(dataset, [{**row, "my own": "seen"} for row in rows], "review.csv")
    with pytest.raises(UserError, match="columns that people added"):
        export_review(dataset, sheet, ReviewConfig())
    other = dataset.root / "shopping.csv"
    other.write_text("what\nmilk\n")
    with pytest.raises(UserError, match=r"shopping.csv exists and is no review sheet"):
        export_review(dataset, other, ReviewConfig())
    assert other.read_text() == "what\nmilk\n"


def test_rows_that_were_left_and_corrected_are_not_written_over(dataset: Dataset) -> None:
    rows = exported(dataset)[:2]
    rows[0] |= {"verdict": "maybe"}
    left = dataset.root / "left.csv"
    sheet, options = filed(dataset, rows), ImportOptions(left=left)
    left.write_bytes(unapplied_csv(import_review(dataset, sheet, "Ann", options)))
    import_review(dataset, sheet, "Ann", options)
    left.write_bytes(left.read_bytes().replace(b"maybe,", b"reject,", 1))
    with pytest.raises(UserError, match=r"left.csv holds 1 entries"):
        import_review(dataset, sheet, "Ann", options)
    assert import_review(dataset, left, "Ann", options).counts["applied"] == 1


def test_the_import_says_what_is_stored_and_what_is_left_out(dataset: Dataset) -> None:
    rows = exported(dataset)[:4]
    rows[0] |= {"corrected": "SKY, TREE, CLOUD"}
    rows[1] |= {"corrected": "the cheeks and also a nose"}
    rows[2] |= {"corrected": "01.05.2026"}
    rows[3] |= {"corrected": "a house"}
    sheet = filed(dataset, rows)
    found = import_review(dataset, sheet, "Ann", ImportOptions(dry_run=True)).rows
    assert read_corrections(dataset) == [], "a dry run writes nothing"
    assert [row.status for row in found] == ["applied", "invalid", "invalid", "applied"]
    assert (found[0].stored, found[0].left_out) == ("sky, cloud", ("tree",))
    assert "'SKY, TREE, CLOUD' -> 'sky, cloud' (left out: tree)" in found[0].detail
    assert "'cheek', 'nose' is not in the vocabulary" in found[1].detail
    assert "a number or a date" in found[2].detail
    found = import_review(dataset, sheet, "Ann", ImportOptions(new_words=True)).rows
    assert [row.status for row in found] == ["applied", "applied", "invalid", "applied"]
    assert (found[1].stored, found[1].left_out) == ("cheek, nose", ())


typed = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(typed, typed), min_size=4, max_size=4))
def test_no_correction_is_lost(dataset: Dataset, said: list[tuple[str, str]]) -> None:
    dataset.corrections_csv.unlink(missing_ok=True)
    rows = exported(dataset, reuse=True)
    for row, (corrected, note) in zip(rows, said, strict=False):
        row |= {"corrected": corrected, "note": note}
    found = statuses(dataset, rows)
    log = {c.pair_id: c for c in read_corrections(dataset)}
    for row, status in zip(rows, found, strict=True):
        meant = normalise(row["corrected"].strip())
        if any(map(str.isalpha, meant)):
            assert status == "applied"
            assert normalise(log[row["pair_id"]].instruction) == meant
        else:
            assert row["pair_id"] not in log
