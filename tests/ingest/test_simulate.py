"""The simulated run: real bookkeeping around a stand-in that says what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas

from ingest.simulate import KEPT_EVERY, TOLD

ROOT = Path(__file__).resolve().parents[2]


def test_a_simulated_run_accounts_for_every_row_and_says_what_it_is(tmp_path: Path) -> None:
    words = ["-o", tmp_path, "--rows", "150", "--rows", "450"]
    done = subprocess.run(
        [sys.executable, "-m", "ingest.simulate", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["sources"] for line in lines] == [150, 450]
    assert all("sleep" in line["stand_in"] for line in lines)
    # Coarse on purpose: the figures for a million rows stand in docs/scale.md.
    assert lines[1]["driver_peak_mb"] < lines[0]["driver_peak_mb"] + 30
    table = pandas.read_parquet(tmp_path / "450" / "videos.parquet")
    assert len(table) == 450
    assert set(table.detail) == {TOLD}
    assert 0 < (table.status == "kept").sum() < 450 / KEPT_EVERY * 4
