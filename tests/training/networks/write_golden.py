"""Writes golden.json: a few output numbers of every network at a tiny size, for machines without
the parity fixtures. Run it only after a change that is meant to change the numbers:

    PARITY_FIXTURES=FOLDER python tests/training/networks/write_golden.py

It writes nothing unless the parity tests (test_official.py) ran against the fixtures and passed, so
the numbers are those of the published networks. Weights and inputs come from numpy's generator.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden.json"
NUM_VALUES = 8
"""Number of values that are kept of an output, evenly spread over it."""


def golden_numbers() -> dict[str, list[float]]:
    """A few numbers of every output, by its name."""
    import torch

    with torch.no_grad():
        return {
            f"{preset}/{name}": kept(values)
            for preset in ("pocket", "paper")
            for name, values in outputs(preset).items()
        }


def outputs(preset_name: str) -> dict[str, Any]:
    """What the networks of one preset answer, by method."""
    import torch

    painter = tiny_painter(preset_name)
    preset = painter.preset
    target, canvas = (numbers(name, (1, 3, 32, 48)).clamp(-1, 1) for name in ("target", "canvas"))
    mask, seconds = (numbers("mask", (1, 1, 32, 48)) > 0).float(), torch.tensor([20.0])
    text, channels = painter.encode_text(["sky"]), preset.latent_channels
    latents = [numbers(name, (1, channels, 4, 6)) for name in ("first", "second", "noisy")]
    painter.encode_latents = lambda rgb, generator=None: latents[0]
    target_features, canvas_features = painter.encode_target(target), painter.encode_canvas(canvas)
    given = painter.condition(target_features, canvas_features, mask, text, seconds)
    return {
        "pooled": target_features.pooled,
        "text": text,
        "time_tokens": painter.time_tokens(seconds),
        "next_image_token": painter.next_image_token(canvas_features, target_features),
        "canvas_feature": given.canvas_feature,
        "mask_logits": painter.mask_logits(latents[0], latents[1], mask, text, seconds),
        "predict": painter.predict(latents[2], 400.0, given),
    }


def tiny_painter(preset_name: str) -> Any:
    """A painter without VAE (diffusers' own) whose weights come from the names of its tensors."""
    import torch

    from training.networks.presets import TowerSize, preset_named
    from training.painter.folder import PainterSettings, parts_of
    from training.painter.painter import Painter
    from training.painter.parts import build_part

    preset = preset_named(preset_name)
    tower = TowerSize(width=16, layers=1, heads=2, feed_forward=32)
    small = {"channels": (8, 8, 16, 16)[: len(preset.unet.channels)], "heads": 2, "norm_groups": 4}
    preset = preset.model_copy(
        update={
            "image_side_px": 32, "token_width": 16, "time_hidden": (16, 16),
            "next_image_hidden": (16, 16), "canvas_channels": (2, 4, 4, 4, 8),
            "image_tower": tower, "text_tower": tower, "image_tower_px": 32,
            "image_tower_patch_px": 16, "text_tokens": 8,
            "unet": preset.unet.model_copy(update=small),
            "mask_unet": preset.mask_unet.model_copy(update=small),
        }
    )  # fmt: skip
    names = dict.fromkeys([*parts_of("mask", preset), *parts_of("renderer", preset)])
    parts = {name: build_part(name, preset) for name in names if name != "vae"}
    for name, part in parts.items():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
            for key, weight in part.named_parameters():
                weight.copy_(0.3 * numbers(f"{name}.{key}", tuple(weight.shape)))
    return Painter(parts, PainterSettings(preset=preset, num_steps=2))


def numbers(name: str, shape: tuple[int, ...]) -> Any:
    """Normal random numbers that depend on the name alone."""
    import torch

    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return torch.from_numpy(generator.standard_normal(shape).astype(np.float32))


def kept(values: Any) -> list[float]:
    flat = values.flatten().tolist()
    return [round(flat[n * (len(flat) - 1) // (NUM_VALUES - 1)], 6) for n in range(NUM_VALUES)]


def main() -> int:
    parity = [sys.executable, "-m", "pytest", "-rs", str(HERE / "test_official.py")]
    ran = subprocess.run(parity, capture_output=True, text=True, check=False)
    if ran.returncode or "SKIPPED" in ran.stdout or "passed" not in ran.stdout:
        print(ran.stdout[-2000:], file=sys.stderr)
        print("golden.json is not written: the parity tests must pass first", file=sys.stderr)
        return 1
    GOLDEN.write_text(json.dumps(golden_numbers(), indent=1) + "\n")
    print(f"wrote {GOLDEN}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[2]))
    sys.exit(main())
