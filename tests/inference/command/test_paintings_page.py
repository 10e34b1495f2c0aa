"""The page and the table of a run: complete, escaped, with equal bytes for equal paintings."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.command.batch_painting import Outcome  # noqa: E402
from inference.command.paintings_page import write_page, write_table  # noqa: E402
from inference.inputs.jobs import Job  # noqa: E402
from inference.output.session import Session  # noqa: E402


@pytest.fixture
def outcomes(session: Session) -> list[Outcome]:
    painted = Job(Path("in/<b>&.png"), Path("out/<b>& #1"), 1)
    broken = Job(Path("in/<script>.png"), Path("out/=cmd"), 2)
    return [
        Outcome(painted, "painted", session.record),
        Outcome(broken, "refused", detail="<script>alert(1)</script> is empty"),
    ]


def test_text_is_escaped_and_links_lead_to_the_folder(
    outcomes: list[Outcome], tmp_path: Path
) -> None:
    write_page(tmp_path / "index.html", outcomes)
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert "&lt;b&gt;&amp; #1" in page
    assert 'href="%3Cb%3E%26%20%231/index.html"' in page
    assert "http" not in page, "opens without a network"


def test_every_job_has_a_row_in_the_table(outcomes: list[Outcome], tmp_path: Path) -> None:
    path = tmp_path / "paintings.csv"
    write_table(path, outcomes)
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert [row["status"] for row in rows] == ["painted", "refused"]
    assert rows[0]["num_painted"] == "4"
    assert rows[1]["detail"].endswith("is empty")


def test_painted_now_or_before_makes_no_difference(outcomes: list[Outcome], tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    write_page(path, outcomes)
    before = path.stat().st_mtime_ns
    earlier = Outcome(outcomes[0].job, "unchanged", outcomes[0].record)
    write_page(path, [earlier, outcomes[1]])
    assert path.stat().st_mtime_ns == before
