"""Whether a word finds its thing."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.benchmark.named_things import named_overlaps  # noqa: E402


def test_large_things_of_a_studio_painting_are_found() -> None:
    found = named_overlaps(700002)
    assert all(0 <= value <= 1 for value in found.values())
    assert found["background"] > 0.6
