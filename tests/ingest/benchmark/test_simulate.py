"""The simulated run: real bookkeeping around a stand-in for decoding."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas

from ingest.benchmark.simulate import KEPT_EVERY, SIMULATED_DETAIL

ROOT = Path(__file__).resolve().parents[3]


def test_a_simulated_run_accounts_for_every_row_and_states_that_it_is_simulated(
    tmp_path: Path,
) -> None:
    words = ["-o", tmp_path, "--rows", "450"]
    done = subprocess.run(
        [sys.executable, "-m", "ingest.benchmark.simulate", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["rows"], line["sources"]) == (450, 450)
    assert "sleep" in line["stand_in"]
    assert line["driver_peak_mb"] < 600  # docs/scale.md has the figures for a million rows
    table = pandas.read_parquet(tmp_path / "450" / "videos.parquet")
    assert len(table) == 450
    assert set(table.detail) == {SIMULATED_DETAIL}
    assert 0 < (table.status == "kept").sum() < 450 / KEPT_EVERY * 4
