"""The simulated run: real bookkeeping around a stand-in that says what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas

from ingest.benchmark.simulate import KEPT_EVERY, TOLD

ROOT = Path(__file__).resolve().parents[3]


def test_a_simulated_run_accounts_for_every_row_and_says_what_it_is(tmp_path: Path) -> None:
    words = ["-o", tmp_path, "--rows", "450"]
    done = subprocess.run(
        [sys.executable, "-m", "ingest.benchmark.simulate", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["rows"], line["sources"]) == (450, 450)
    assert "sleep" in line["stand_in"]
    assert line["driver_peak_mb"] < 600  # the figures for a million rows stand in docs/scale.md
    table = pandas.read_parquet(tmp_path / "450" / "videos.parquet")
    assert len(table) == 450
    assert set(table.detail) == {TOLD}
    assert 0 < (table.status == "kept").sum() < 450 / KEPT_EVERY * 4
