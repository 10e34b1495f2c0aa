"""Packed layers give the same results as plain layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.loading.packing import PackedConv2d, PackedLinear, can_pack, pack_for_cpu  # noqa: E402
from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from training.painter.painter import load_painter  # noqa: E402

CONFIG = InferenceConfig(stop=StopConfig(max_steps=2))


@pytest.mark.parametrize("num_rows", [1, 4, 7])
@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": 2, "padding": 1}, {"bias": False}])
def test_layers_agree_for_any_number_of_rows(num_rows: int, options: dict[str, int]) -> None:
    torch.manual_seed(num_rows)
    conv = torch.nn.Conv2d(12, 20, 3, **options).requires_grad_(False)
    images = torch.randn(num_rows, 12, 9, 7)
    for layout in (torch.contiguous_format, torch.channels_last):
        given = images.to(memory_format=layout)
        assert torch.allclose(PackedConv2d(conv)(given), conv(given), atol=1e-5)
    linear = torch.nn.Linear(12, 20, bias="bias" not in options).requires_grad_(False)
    tokens = torch.randn(num_rows, 5, 12)
    assert torch.allclose(PackedLinear(linear)(tokens), linear(tokens), atol=1e-5)


def test_a_packed_painter_paints_the_same(painter_folder: Path) -> None:
    plain, packed = (load_painter(painter_folder) for _ in range(2))
    pack_for_cpu(packed.to_channels_last())
    kinds = {type(layer) for layer in packed.part("unet").modules()}
    assert {PackedConv2d, PackedLinear} <= kinds
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    canvases = [
        InversePaintingPipeline(p.settings, **p.parts)(picture, CONFIG).canvases
        for p in (plain, packed)
    ]
    for one, other in zip(*canvases, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_other_formats_stay_as_they_are(painter_folder: Path) -> None:
    halved = load_painter(painter_folder, dtype=torch.bfloat16)
    assert not can_pack(halved.device, halved.dtype)
    before = halved.part("unet").conv_out
    assert pack_for_cpu(halved).part("unet").conv_out is before
