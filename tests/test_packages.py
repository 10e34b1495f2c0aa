"""The four packages are imported from this repository, and their --help is quick."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ingest", "labeling", "training", "inference")


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_the_one_of_this_repository(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    home = Path(module.__file__).parents[1]
    assert home == ROOT, f"{name} was loaded from {home}: a rival package is installed; use .venv"


@pytest.mark.parametrize("name", PACKAGES)
def test_help_loads_nothing_heavy(name: str) -> None:
    """--help has to answer at once, so no command imports its work before it runs."""
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{name}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('{name}', run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        "heavy = {'numpy', 'cv2', 'pandas', 'ray', 'torch', 'av', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'--help loads {sorted(heavy)}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Usage" in done.stdout
