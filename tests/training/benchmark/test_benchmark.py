"""The benchmark runs at small size on the CPU; counts are checked, speeds are not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from training.networks.presets import Preset

pytestmark = pytest.mark.torch


def test_gpu_rows_run_at_small_size(small_preset: Preset, tmp_path: Path) -> None:
    import torch

    from training.benchmark.rows import gpu_rows

    rows = gpu_rows(tmp_path, torch.device("cpu"), small_preset, (64, 80), 2, 2)
    assert [row["card"] for row in rows] == ["CPU"] * 4
    speeds = [float(row["value"]) for row in rows if row["measure"].endswith("samples/s")]
    assert len(speeds) == 2
    assert min(speeds) > 0


def test_without_a_gpu_rows_say_so(small_preset: Preset, tmp_path: Path) -> None:
    from training.benchmark.rows import gpu_rows

    rows = gpu_rows(tmp_path, None, small_preset, (64, 80), 2, 2)
    assert {row["value"] for row in rows} == {"not measured"}
    assert len(rows) == 3
