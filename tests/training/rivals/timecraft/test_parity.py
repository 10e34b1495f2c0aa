"""Timecraft against numbers that the authors' own graph computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402

from ingest.conventions.errors import UserError  # noqa: E402
from training.rivals.timecraft.crops import centre_crop, seen_picture  # noqa: E402
from training.rivals.timecraft.network import NextFrameNetwork  # noqa: E402
from training.rivals.timecraft.published import read_published  # noqa: E402

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
