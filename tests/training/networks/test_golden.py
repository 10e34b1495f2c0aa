"""The networks give the numbers that they gave where the parity tests passed (write_golden.py)."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.torch

HERE = Path(__file__).resolve().parent
GOLDEN: dict[str, list[float]] = json.loads((HERE / "golden.json").read_text())


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    return runpy.run_path(str(HERE / "write_golden.py"))["golden_numbers"]()


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_an_output_is_as_recorded(name: str, numbers: dict[str, Any]) -> None:
    np.testing.assert_allclose(numbers[name], GOLDEN[name], rtol=1e-3, atol=2e-4)


def test_every_output_is_recorded(numbers: dict[str, Any]) -> None:
    assert set(numbers) == set(GOLDEN)
