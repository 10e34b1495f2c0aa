"""The published stop rule."""

from __future__ import annotations

import pytest

from inference.rollout.stop import StopConfig, stop_reason

FAR = [0.5] * 8


def num_updates(changes: list[float], to_target: list[float], config: StopConfig) -> int:
    """After how many updates the rule stops, looking after each."""
    for count in range(1, len(changes) + 1):
        if stop_reason(changes[:count], to_target[:count], config):
            return count
    raise AssertionError("never stopped")


@pytest.mark.parametrize(
    ("changes", "to_target", "expected"),
    [
        ([0.3] * 8, [0.5, 0.3, 0.09, 0.05, 0.04, 0.03, 0.02, 0.01], 3),
        ([0.3] * 8, [0.5, 0.1, 0.1, 0.09, 0.01, 0.01, 0.01, 0.01], 4),
        ([0.0005] * 8, FAR, 4),
        ([0.0005, 0.0005, 0.0005, 0.2, 0.0005, 0.2, 0.0005, 0.0005], FAR, 8),
        ([0.001] * 8, FAR, 8),
        ([0.2, 0.2, 0.2, 0.0005, 0.0005, 0.2, 0.2, 0.2], FAR, 5),
        ([0.2] * 8, FAR, 8),
    ],
    ids=[
        "target reached",
        "exactly 0.1 goes on",
        "no change needs four updates",
        "a large change between",
        "exactly 1e-3 goes on",
        "two small changes later",
        "all updates used",
    ],
)
def test_published_cases(changes: list[float], to_target: list[float], expected: int) -> None:
    assert num_updates(changes, to_target, StopConfig(max_steps=8)) == expected


def test_reason_tells_why() -> None:
    config = StopConfig(max_steps=4)
    assert stop_reason([], [], config) is None
    assert stop_reason([0.5], [0.05], config) == "arrived"
    assert stop_reason([0.5, 0.4, 0.0, 0.0], FAR[:4], config) == "unchanged"
    assert stop_reason([0.5, 0.4, 0.3, 0.2], FAR[:4], config) == "max_steps"
