"""The import hook for torchvision: cheap, and sufficient for the libraries that import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_package_loads_no_torch_and_hooks_once() -> None:
    done = run(
        "import sys, labeling\n"
        "from ingest.conventions.torchvision_operators import _Hook, install\n"
        "install()\n"
        "print('torch' in sys.modules, sum(isinstance(f, _Hook) for f in sys.meta_path))"
    )
    assert done.stdout.split() == ["False", "1"], done.stderr


@pytest.mark.torch
@pytest.mark.parametrize("package", ["ingest", "labeling", "training", "inference"])
def test_libraries_that_need_torchvision_load_after_any_package(package: str) -> None:
    done = run(f"import {package}, diffusers, lpips, torchvision; print('ok')")
    assert done.stdout.strip() == "ok", done.stderr[-2000:]
