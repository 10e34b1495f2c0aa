"""No forward pass mixes devices. Networks and inputs are on `meta`, so a tensor that the code makes
on the CPU is found, as it would fail on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.training.one_device import OneDevice  # noqa: E402
from training.networks import denoiser  # noqa: E402

if TYPE_CHECKING:
    from training.painter.painter import Painter


def test_the_guard_sees_mixed_devices() -> None:
    """`where` and others let a CPU tensor pass on `meta`, and fail on a GPU."""
    with pytest.raises(AssertionError, match="mixes"), OneDevice():
        torch.cat([torch.zeros(2, device="meta"), torch.zeros(2)])


@pytest.fixture
def on_meta(make_painter: Callable[..., Painter], monkeypatch: pytest.MonkeyPatch) -> Painter:
    # The only value that is read back from the device; `meta` has none.
    monkeypatch.setattr(denoiser, "_num_leading_without_reference", lambda reference: 0)
    return make_painter("mask", "renderer").to("meta")


def test_the_renderer_keeps_to_one_device(on_meta: Painter) -> None:
    rgb, seconds = torch.zeros(2, 3, 64, 80, device="meta"), torch.zeros(2, device="meta")
    with OneDevice(), torch.no_grad():
        target, canvas = on_meta.encode_target(rgb), on_meta.encode_canvas(rgb)
        text = on_meta.encode_text(["sky", "tree"])
        given = on_meta.condition(target, canvas, rgb[:, :1], text, seconds)
        assert on_meta.predict(target.latents, 400.0, given).device.type == "meta"
        assert on_meta.decode_latents(target.latents).device.type == "meta"


def test_the_mask_generator_keeps_to_one_device(on_meta: Painter) -> None:
    rgb, seconds = torch.zeros(2, 3, 64, 80, device="meta"), torch.zeros(2, device="meta")
    with OneDevice(), torch.no_grad():
        latents, text = on_meta.encode_latents(rgb), on_meta.encode_text(["sky", "tree"])
        where = on_meta.mask_probability(latents, latents, rgb[:, :1], text, seconds)
        assert where.device.type == "meta"
