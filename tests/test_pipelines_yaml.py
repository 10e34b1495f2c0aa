"""`pipelines.yaml` and docs/pipelines.md match the config classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.write_pipelines import keep_edited_values, yaml_text

ROOT = Path(__file__).resolve().parents[1]


def test_written_defaults_are_the_defaults_of_the_classes() -> None:
    done = subprocess.run(
        [sys.executable, "tests/write_pipelines.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_edited_settings_are_kept_beside_the_new_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pipelines.yaml"
    path.write_text(yaml_text().replace("fps: ", "fps: 1", 1))
    edited = path.read_text()
    keep_edited_values(path, yaml_text())
    assert [copy.read_text() for copy in tmp_path.glob("pipelines.*.old.yaml")] == [edited]
    assert "kept in pipelines." in capsys.readouterr().out
