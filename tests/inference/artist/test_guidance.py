"""Guidance: the sum over branches with a weight is equal to the sum over all six."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.guidance import BRANCHES, guidance_of  # noqa: E402

PAPER = {"image": 2.0, "canvas": 1.0, "time": 5.0, "mask": 5.0, "text": 5.0}


def published_sum(e: torch.Tensor, s: dict[str, float]) -> torch.Tensor:
    """The nested sum as the release writes it."""
    return (
        e[0]
        + s["image"] * (e[1] - e[0])
        + s["canvas"] * (e[2] - e[1])
        + s["time"] * (e[3] - e[2])
        + s["mask"] * (e[4] - e[3])
        + s["text"] * (e[5] - e[4])
    )


@pytest.mark.parametrize(
    ("scales", "expected"),
    [
        (PAPER, [0, 1, 2, 5]),
        (dict.fromkeys(PAPER, 1.0), [5]),
        ({}, [5]),
        ({"text": 3.0}, [4, 5]),
        ({"image": 2.0, "canvas": 3.0, "time": 4.0, "mask": 5.0, "text": 6.0}, [0, 1, 2, 3, 4, 5]),
        (dict.fromkeys(PAPER, 0.0), [0]),
    ],
)
def test_only_branches_with_a_weight_and_the_full_sum(
    scales: dict[str, float], expected: list[int]
) -> None:
    guidance = guidance_of(scales)
    assert [BRANCHES.index(branch) for branch in guidance.branches] == expected
    assert sum(guidance.weights) == pytest.approx(1.0)
    everything = torch.randn(6, 2, 4, 5, 3, generator=torch.Generator().manual_seed(0))
    rows = everything[expected].flatten(0, 1)
    full = {name: scales.get(name, 1.0) for name in PAPER}
    assert torch.allclose(guidance.combine(rows), published_sum(everything, full), atol=1e-5)


def test_branches_are_nested_and_the_first_sees_nothing() -> None:
    seen = [sum(vars(branch).values()) for branch in BRANCHES]
    assert seen == [0, 2, 3, 4, 5, 6]


def test_half_precision_is_summed_in_single() -> None:
    guidance = guidance_of(PAPER)
    rows = torch.full((4, 1, 2, 2), 1000.0, dtype=torch.float16)
    assert torch.equal(guidance.combine(rows), torch.full((1, 1, 2, 2), 1000.0).half()[0:1])
