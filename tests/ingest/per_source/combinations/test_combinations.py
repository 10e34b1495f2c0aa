"""A dozen random pictures and films; `make faults` checks 300 (`count.py`)."""

from __future__ import annotations

import pytest

from tests.ingest.per_source.combinations.check import check, combination_id

NUM_COMBINATIONS = 12


@pytest.mark.parametrize(
    "index", [pytest.param(i, id=combination_id(i)) for i in range(NUM_COMBINATIONS)]
)
def test_keyframes_are_those_of_the_plain_film_or_the_refusal_is_documented(index: int) -> None:
    assert check(index).problems == []
