"""Optimiser state converted to checkpoint tensors and back, with 32-bit and 8-bit moments."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("kind", ["adamw", "adamw_8bit"])
def test_state_goes_on_to_the_bit(kind: str) -> None:
    from training.loop import optimizer as ours
    from training.loop.config import LoopConfig

    if kind == "adamw_8bit":
        # On a CPU the command refuses it, but recent releases compute there all the same.
        pytest.importorskip("bitsandbytes", minversion="0.50")
    config = LoopConfig()

    def make() -> tuple[Any, dict[str, Any], Any]:
        torch.manual_seed(0)
        layer = torch.nn.Linear(128, 128)
        named = dict(layer.named_parameters())
        if kind == "adamw":
            return layer, named, ours.build_optimizer(named, config, torch.device("cpu"))
        return layer, named, ours._eight_bit(ours._rate_groups(named, config), config)

    def steps(layer: Any, optimizer: Any, seed: int) -> None:
        torch.manual_seed(seed)
        for _ in range(3):
            optimizer.zero_grad()
            layer(torch.randn(4, 128)).pow(2).mean().backward()
            optimizer.step()

    layer, named, optimizer = make()
    steps(layer, optimizer, 1)
    weights = {name: p.detach().clone() for name, p in named.items()}
    kept = {n: t.clone() for n, t in ours.optimizer_tensors(optimizer, list(named)).items()}
    steps(layer, optimizer, 2)
    again, named_again, resumed = make()
    with torch.no_grad():
        for name, parameter in named_again.items():
            parameter.copy_(weights[name])
    ours.restore_optimizer(resumed, list(named_again), kept)
    steps(again, resumed, 2)
    assert all(torch.equal(named[name], named_again[name]) for name in named)
