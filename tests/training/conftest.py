"""A pocket system at 64 px, small enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from training.networks.presets import Preset
    from training.painter.painter import Painter


@pytest.fixture(scope="session")
def small_preset() -> Preset:
    """The pocket preset at a short side of 64 px: latents of 8 x 10 for the toy dataset."""
    from training.networks.presets import POCKET

    return POCKET.model_copy(update={"image_side_px": 64})


@pytest.fixture
def make_painter(small_preset: Preset) -> Callable[..., Painter]:
    """A painter with random weights; `names` are objectives whose parts it gets. The last layers,
    which start at zero, are made random, so that every condition has an effect."""
    import torch

    from training.initial_parts import initial_parts
    from training.painter.folder import PARTS_OF, PainterSettings
    from training.painter.painter import Painter

    def make(*names: str) -> Painter:
        wanted = tuple(dict.fromkeys(part for name in names for part in PARTS_OF[name]))
        parts: dict[str, Any] = initial_parts(wanted, small_preset, 0, "", "")
        generator = torch.Generator().manual_seed(1)
        for layer in (
            parts["unet"].conv_out if "unet" in parts else None,
            parts["canvas_encoder"].final_proj if "canvas_encoder" in parts else None,
        ):
            if layer is not None:
                torch.nn.init.normal_(layer.weight, std=0.1, generator=generator)
        settings = PainterSettings(preset=small_preset, num_steps=small_preset.num_steps)
        return Painter(parts, settings)

    return make
