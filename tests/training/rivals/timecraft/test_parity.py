"""Timecraft against numbers that the authors' own graph computed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402

from ingest.conventions.errors import UserError  # noqa: E402
from training.rivals.timecraft.crops import centre_crop, seen_picture  # noqa: E402
from training.rivals.timecraft.learners import Critic, StepEncoder  # noqa: E402
from training.rivals.timecraft.losses import spread  # noqa: E402
from training.rivals.timecraft.network import NextFrameNetwork  # noqa: E402
from training.rivals.timecraft.published import read_published, torch_layout  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.real]

FIXTURES = Path(__file__).resolve().parents[5] / "shared" / "baselines" / "timecraft"
WEIGHTS = "ours_digital_and_watercolor_epoch400.h5"
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    if not FIXTURES.is_dir():
        pytest.skip(f"{FIXTURES} is not there")
    return load_file(FIXTURES / "inputs.safetensors") | load_file(FIXTURES / "outputs.safetensors")


@pytest.fixture(scope="module")
def network(tensors: dict[str, torch.Tensor]) -> NextFrameNetwork:
    return read_published(FIXTURES / WEIGHTS)


def planes(images: torch.Tensor) -> torch.Tensor:
    return images.permute(0, 3, 1, 2)


def largest(difference: torch.Tensor) -> float:
    return float(difference.abs().max())


def test_the_next_canvas_is_the_authors(
    network: NextFrameNetwork, tensors: dict[str, torch.Tensor]
) -> None:
    given = planes(tensors["last_frame"]), planes(tensors["prev_frame"]), tensors["z"]
    with torch.inference_mode():
        painted = network(*given)
    assert largest(painted - planes(tensors["next_frame"])) < TOLERANCE


def test_forty_steps_are_the_authors(
    network: NextFrameNetwork, tensors: dict[str, torch.Tensor]
) -> None:
    finished = planes(tensors["rollout_last_frame"][None])
    canvas, painted = planes(tensors["rollout_prev_frame"][None]), []
    with torch.inference_mode():
        for latent in tensors["rollout_z"]:
            canvas = network(finished, canvas, latent[None]).clamp(-1, 1)
            painted.append(canvas[0].permute(1, 2, 0))
    frames = torch.stack(painted)
    kept = frames[tensors["rollout_frames_index"]]
    assert largest(kept - tensors["rollout_frames"]) < TOLERANCE
    assert largest(frames.mean(dim=(1, 2)) - tensors["rollout_frame_means"]) < TOLERANCE


@pytest.mark.parametrize("name", ["big", "small"])
def test_a_picture_is_prepared_as_by_the_demo(name: str, tensors: dict[str, torch.Tensor]) -> None:
    crop = centre_crop(seen_picture(tensors[f"preprocess.{name}.rgb"].numpy()))
    wanted = tensors[f"preprocess.{name}.crop_bgr_u8"].numpy()[..., ::-1]
    assert np.abs(crop.astype(int) - wanted).max() <= 1


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(UserError, match="is no HDF5 file"):
        read_published(tmp_path / "weights.h5")
    with pytest.raises(UserError, match="not found"):
        read_published(tmp_path / "other.h5")


def filled(shapes: dict[str, list[int]], gain: float) -> dict[str, torch.Tensor]:
    """The fixtures' made weights (README, section 0) in torch's order, by their Keras names."""
    found = {}
    for index, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        x = np.arange(np.prod(shape), dtype=np.uint64) + 0x9E3779B9 * (index + 1)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            x &= 0xFFFFFFFF
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        s = 2 * ((x & 0xFFFFFFFF) / 2**32) - 1
        scale = gain * (3 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0.1
        found[name] = torch_layout((scale * s).astype(np.float32).reshape(shape))
    return found


def put(module: torch.nn.Module, weights: dict[str, torch.Tensor], layer: str) -> None:
    module.load_state_dict({"weight": weights[f"{layer}/kernel"], "bias": weights[f"{layer}/bias"]})


@pytest.fixture(scope="module")
def trained(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors | load_file(FIXTURES / "train_outputs.safetensors")


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, torch.Tensor]]:
    networks = json.loads((FIXTURES / "fixture.json").read_text())["filled_networks"]
    return {name: filled(each["tensors"], each["gain"]) for name, each in networks.items()}


def seen(trained: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    return [planes(trained[name]) for name in ("last_frame", "prev_frame", "curr_frame")]


def test_the_encoder_is_the_authors(
    trained: dict[str, torch.Tensor], made: dict[str, dict[str, torch.Tensor]]
) -> None:
    encoder, weights = StepEncoder(), made["encoder"]
    for stage, (plain, halving) in enumerate(zip(encoder.plain, encoder.halving, strict=True)):
        put(plain, weights, f"cvae_enc_conv2D_{stage}_1")
        put(halving, weights, f"cvae_enc_conv2D_{stage}")
    put(encoder.mean, weights, "latent_mean")
    put(encoder.log_variance, weights, "latent_logvar")
    with torch.inference_mode():
        mean, log_variance = encoder(*seen(trained))
    assert largest(mean - trained["encoder.mu"]) < TOLERANCE
    assert largest(log_variance - trained["encoder.logvar"]) < TOLERANCE
    of_mean, of_variance = spread(trained["encoder.mu"], trained["encoder.logvar"])
    assert largest(of_mean - trained["kl.mu"]) < TOLERANCE
    assert largest(of_variance - trained["kl.logvar"]) < TOLERANCE


def test_the_critic_is_the_authors(
    trained: dict[str, torch.Tensor], made: dict[str, dict[str, torch.Tensor]]
) -> None:
    critic = Critic()
    for index, halving in enumerate(critic.halving):
        put(halving, made["critic"], f"disc_enc_conv2D_{index}")
    put(critic.last, made["critic"], "conv_last")
    with torch.inference_mode():
        scores = critic(*seen(trained))
    assert largest(scores - trained["critic.scores"]) < TOLERANCE
