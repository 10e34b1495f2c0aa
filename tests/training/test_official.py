"""The paper-size classes against the authors' release: tensor names, shapes, and their numbers on
small random weights (fixtures made with the official modules)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.real]

FIXTURES = Path(
    os.environ.get("PARITY_FIXTURES")
    or Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "official"
)


@pytest.fixture(scope="module")
def fixtures() -> Path:
    if not (FIXTURES / "keys_full.json").is_file():
        pytest.skip(f"{FIXTURES} is not there")
    return FIXTURES


@pytest.fixture(scope="module")
def official_shapes(fixtures: Path) -> dict[str, dict[str, list[int]]]:
    stored = json.loads((fixtures / "keys_full.json").read_text())["state_dicts"]
    return {
        group.split(" ")[0]: {tensor["name"]: tensor["shape"] for tensor in tensors}
        for group, tensors in stored.items()
    }


@pytest.mark.parametrize(
    ("part", "group"),
    [
        ("unet", "unet_state_dict"),
        ("reference_unet", "referencenet_state_dict"),
        ("canvas_encoder", "cur_image_guider_state_dict"),
        ("next_image_adapter", "image_adpater_state_dict"),
        ("time_encoder", "PE_state_dict"),
        ("mask_unet", "RP_state_dict"),
        ("mask_time_encoder", "RP_PE_state_dict"),
    ],
)
def test_tensors_have_the_names_and_shapes_of_the_published_checkpoints(
    part: str, group: str, official_shapes: dict[str, dict[str, list[int]]], fixtures: Path
) -> None:
    import training  # isort: skip
    import torch

    from training.networks.presets import PAPER
    from training.parts import build_part

    del training
    with torch.device("meta"):
        network = build_part(part, PAPER)
    ours = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    published = official_shapes[group]
    if part == "reference_unet":
        keys = json.loads((fixtures / "keys_full.json").read_text())
        allowed = set(keys["referencenet_missing_vs_unet"])
        ours = {name: shape for name, shape in ours.items() if name not in allowed}
    assert ours == published


def _load(fixtures: Path, case: str) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors.torch import load_file

    tensors = load_file(fixtures / f"{case}.safetensors")
    return tensors, json.loads((fixtures / f"{case}.json").read_text())


def _weights(tensors: dict[str, Any], group: str) -> dict[str, Any]:
    return {
        name.removeprefix(f"{group}."): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(f"{group}.")
    }


def test_time_encoder_gives_the_published_tokens(fixtures: Path) -> None:
    import torch

    from training.networks.time_encoder import TimeEncoder

    tensors, _ = _load(fixtures, "a_time_encoder")
    encoder = TimeEncoder()
    encoder.load_state_dict(_weights(tensors, "PE_state_dict"))
    with torch.no_grad():
        for suffix in ("", "_extra"):
            seconds = tensors[f"input.seconds{suffix}"]
            encoding, token = encoder.encoding(seconds), encoder(seconds)
            assert (encoding - tensors[f"expected.encoding{suffix}"]).abs().max() < 2e-4
            assert (token - tensors[f"expected.embedding{suffix}"]).abs().max() < 2e-4


def test_reference_unet_and_denoising_unet_give_the_published_noise(fixtures: Path) -> None:
    """Case d: every stored token, and the noise of all six branches in one batch."""
    import torch
    from diffusers import UNet2DConditionModel

    from training.networks.canvas_encoder import CanvasEncoder
    from training.networks.reference_attention import ReferenceAccess
    from training.networks.unet import (
        as_denoising_unet,
        as_reference_unet,
        denoise,
        reference_tokens,
    )

    tensors, facts = _load(fixtures, "d_reference_unet")
    config = facts["config"]["unet"]
    unet = as_denoising_unet(UNet2DConditionModel.from_config(config))
    unet.load_state_dict(_weights(tensors, "unet_state_dict"))
    reference = as_reference_unet(UNet2DConditionModel.from_config(config))
    left = reference.load_state_dict(_weights(tensors, "referencenet_state_dict"), strict=False)
    assert not left.unexpected_keys
    encoder = CanvasEncoder(out_channels=32)
    encoder.load_state_dict(_weights(tensors, "cur_image_guider_state_dict"))
    with torch.no_grad():
        written = reference_tokens(
            reference,
            tensors["input.reference_latents"],
            tensors["input.reference_image_embedding"],
        )
        assert set(written) == set(facts["reference_order"])
        for path, tokens in written.items():
            expected = tensors[f"expected.reference_tokens.{path}"]
            assert (tokens - expected).abs().max() < 2e-5, path
        feature = encoder(tensors["expected.guider_input"])
        assert (feature - tensors["expected.latent_cur"]).abs().max() < 2e-5
        noise = denoise(
            unet,
            tensors["input.scaled_latents"].repeat(6, 1, 1, 1),
            tensors["input.timestep"],
            tensors["expected.encoder_hidden_states"],
            feature,
            ReferenceAccess(tokens=written, rows=torch.tensor([False] + [True] * 5)),
        )
    assert (noise - tensors["expected.noise_pred"]).abs().max() < 2e-5


def test_mask_unet_gives_the_published_logits(fixtures: Path) -> None:
    """Case f, from the nine input channels on."""
    import torch
    from diffusers import UNet2DConditionModel

    from training.networks.unet import as_mask_unet, mask_logits

    tensors, facts = _load(fixtures, "f_mask_generator")
    unet = as_mask_unet(UNet2DConditionModel.from_config(facts["config"]["unet"]))
    unet.load_state_dict(_weights(tensors, "RP_state_dict"))
    with torch.no_grad():
        logits = mask_logits(
            unet, tensors["expected.unet_input"], tensors["expected.encoder_hidden_states"]
        )
    assert (logits - tensors["expected.logits"]).abs().max() < 1e-4
