"""`pipelines.yaml` and docs/pipelines.md match the config classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_written_defaults_are_the_defaults_of_the_classes() -> None:
    done = subprocess.run(
        [sys.executable, "tests/write_pipelines.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
