"""The page of labels is complete and self-contained, and escapes all text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.corrections.corrections import Correction, append_corrections
from labeling.instructions.table import read_table
from labeling.report import ReportConfig, write_report


def test_every_pair_is_on_the_page(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 1)
    page = write_report(dataset, ReportConfig()).read_text("utf-8")
    for pair_id, label in read_table(dataset).items():
        assert f'id="{pair_id}"' in page
        assert f"<b>{label.text}" in page
    assert page.count("data:image/jpeg") == 3 * 12 + 3
    assert not re.search(r"(?:src|href)=\"(?!data:)", page), "nothing is loaded from elsewhere"


def test_text_of_people_is_escaped(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(1, 0)
    label = next(iter(read_table(dataset).values()))
    said = Correction(
        label.pair_id, label.content_hash, "correct", "castle", "<script>alert(1)</script>", "", ""
    )
    append_corrections(dataset, [said])
    page = write_report(dataset, ReportConfig()).read_text("utf-8")
    assert "<script>" not in page
    assert "human: &lt;script&gt;" in page
    assert "<b>castle" in page


def test_the_page_shows_whole_videos_up_to_max_pairs(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(3, 0)
    page = write_report(dataset, ReportConfig(max_pairs=9)).read_text("utf-8")
    assert page.count("<article") == 8
    assert "The first 2 videos are shown, 8 of 12 pairs" in page


def test_missing_labels_name_the_command(keyframe_dataset: Callable[..., Dataset]) -> None:
    with pytest.raises(UserError, match="python -m labeling instructions"):
        write_report(keyframe_dataset(1, 0), ReportConfig())


def test_agreement_is_on_the_page(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(1, 0)
    assert "Agreement" not in write_report(dataset, ReportConfig()).read_text("utf-8")
    label = next(iter(read_table(dataset).values()))
    said = Correction(label.pair_id, label.content_hash, "correct", "castle", "Ann", "", "")
    append_corrections(dataset, [said])
    page = write_report(dataset, ReportConfig()).read_text("utf-8")
    assert "<td>people</td><td>1</td><td>0 %</td>" in page
