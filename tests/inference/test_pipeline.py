"""The painter as a diffusers pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from accelerate import cpu_offload  # noqa: E402

from inference.command.painting_result import Painting  # noqa: E402
from inference.loading.memory_config import MemoryConfig  # noqa: E402
from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.painter.painter import Painter  # noqa: E402

CONFIG = InferenceConfig(stop=StopConfig(max_steps=2))


def equal(one: Painting, other: Painting) -> bool:
    pairs = zip(one.canvases, other.canvases, strict=True)
    return all(np.array_equal(first, second) for first, second in pairs)


def test_saves_loads_and_paints_the_same(painter_folder: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    before = pipeline(picture, CONFIG)
    pipeline.save_pretrained(tmp_path / "copy")
    again = InversePaintingPipeline.from_pretrained(tmp_path / "copy")
    assert equal(before, again(picture, CONFIG))


def test_pictures_are_paths_pil_images_and_arrays(
    pipeline: InversePaintingPipeline, tmp_path: Path
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    image = Image.fromarray(np.dstack([picture, np.full((64, 80), 255, np.uint8)]))
    image.save(tmp_path / "picture.png")
    array, pil, path = (pipeline(p, CONFIG) for p in (picture, image, tmp_path / "picture.png"))
    assert equal(array, pil)
    assert equal(array, path)


def test_what_is_transparent_in_a_pil_image_is_white(pipeline: InversePaintingPipeline) -> None:
    painting = pipeline.paint(Image.new("RGBA", (80, 64), (10, 10, 10, 0)), CONFIG)
    assert painting.target.min() == 255


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((64, 80), np.uint8), r"\(64, 80\)"),
        (np.zeros((64, 80, 3), np.float32), "float32"),
        (np.zeros((3, 80, 3), np.uint8), "at least 4 x 4"),
        (["lake.jpg"], "list"),
    ],
)
def test_what_is_no_picture_is_refused(
    picture: Any, said: str, pipeline: InversePaintingPipeline
) -> None:
    with pytest.raises(UserError, match=said):
        pipeline.paint(picture, CONFIG)


def test_scheduler_dtype_and_device_can_be_chosen(painter_folder: Path) -> None:
    from diffusers import DPMSolverMultistepScheduler

    own = InversePaintingPipeline.from_pretrained(painter_folder).scheduler
    other = DPMSolverMultistepScheduler.from_config(own.config)
    pipeline = InversePaintingPipeline.from_pretrained(
        painter_folder, torch_dtype=torch.bfloat16, scheduler=other
    )
    assert pipeline.unet.dtype == torch.bfloat16
    assert pipeline.time_encoder.fc1.weight.dtype == torch.float32
    picture = np.full((64, 80, 3), 120, np.uint8)
    images = pipeline.to("cpu")(picture, CONFIG).images
    assert len(images) == 4, "white, two steps, the finishing step"


def test_errors_say_what_to_do(painter_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no painter folder"):
        InversePaintingPipeline.from_pretrained(tmp_path)
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    for wrong in (np.zeros((3, 9, 3), np.uint8), np.zeros((9, 9), np.uint8)):
        with pytest.raises(UserError):
            pipeline.paint(wrong)


@pytest.mark.parametrize("kind", ["model", "layer"])
def test_offloaded_networks_paint_the_same(kind: str, painter_folder: Path) -> None:
    """diffusers' own offload, with the CPU for a device: weights wait elsewhere than they work."""
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    whole = InversePaintingPipeline.from_pretrained(painter_folder)(picture, CONFIG)
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    if kind == "model":
        pipeline.enable_model_cpu_offload(device="cpu")
    else:
        # What enable_sequential_cpu_offload does; it would ask for "cpu:0", which torch takes for
        # another device than "cpu".
        for part in pipeline.parts.values():
            if isinstance(part, torch.nn.Module):
                cpu_offload(part, torch.device("cpu"))
        assert pipeline.unet.device.type == "meta"
    assert pipeline.painter.device.type == "cpu"
    assert equal(whole, pipeline(picture, CONFIG))


def test_running_out_of_memory_names_the_switches(
    painter_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*given: object, **named: object) -> None:
        raise MemoryError

    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    monkeypatch.setattr(Painter, "mask_probability", exhausted)
    with pytest.raises(UserError, match=r"choosing where to paint.*enable_model_cpu_offload"):
        pipeline(np.full((64, 80, 3), 120, np.uint8), CONFIG)


@pytest.fixture
def pipeline(painter_folder: Path) -> InversePaintingPipeline:
    return InversePaintingPipeline.from_pretrained(painter_folder)


def networks(pipeline: InversePaintingPipeline) -> dict[str, torch.nn.Module]:
    return {n: part for n, part in pipeline.parts.items() if isinstance(part, torch.nn.Module)}


def test_to_a_device_moves_every_network(pipeline: InversePaintingPipeline) -> None:
    assert pipeline.to("meta") is pipeline
    assert pipeline.device.type == "meta"
    for name, network in networks(pipeline).items():
        tensors = [*network.parameters(), *network.buffers()]
        assert {tensor.device.type for tensor in tensors} == {"meta"}, name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_to_a_dtype_casts_every_network_but_time_encoders(
    dtype: torch.dtype, pipeline: InversePaintingPipeline
) -> None:
    pipeline.to(dtype)
    assert pipeline.dtype == dtype
    for name, network in networks(pipeline).items():
        expected = torch.float32 if "time_encoder" in name else dtype
        assert {weight.dtype for weight in network.parameters()} <= {expected}, name


def test_time_encoders_lose_no_digit_in_half_precision(pipeline: InversePaintingPipeline) -> None:
    before = pipeline.time_encoder.fc1.weight.clone()
    pipeline.to(torch.bfloat16)
    assert torch.equal(pipeline.time_encoder.fc1.weight, before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_painter_cast_to_half_precision_paints_nearly_the_same(
    dtype: torch.dtype, pipeline: InversePaintingPipeline
) -> None:
    def painted() -> np.ndarray:
        rollout = pipeline.paint(np.full((64, 80, 3), 120, np.uint8), CONFIG)
        # Untrained networks are so unsure of the region that rounding moves it.
        rollout.steer(instruction="sky", mask=np.ones((64, 80), bool))
        return next(rollout).next.astype(int)

    full = painted()
    pipeline.to("cpu", dtype)
    assert np.abs(full - painted()).mean() < 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_painter_moved_to_a_gpu_paints_there(
    dtype: torch.dtype, pipeline: InversePaintingPipeline
) -> None:
    pipeline.to("cuda", dtype)
    assert pipeline.painter.device.type == "cuda"
    assert len(pipeline(np.full((64, 80, 3), 120, np.uint8), CONFIG).canvases) == 4


def test_torch_dtype_auto_is_the_stored_format(
    pipeline: InversePaintingPipeline, tmp_path: Path
) -> None:
    pipeline.to(torch.bfloat16).save_pretrained(tmp_path / "half")
    loaded = InversePaintingPipeline.from_pretrained(tmp_path / "half", torch_dtype="auto")
    assert loaded.unet.dtype == torch.bfloat16


def test_device_map_is_one_device(painter_folder: Path) -> None:
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder, device_map="meta")
    assert pipeline.unet.device.type == "meta"


@pytest.mark.parametrize("options", [{"variant": None}, {"use_safetensors": True}])
def test_options_that_hold_anyway_are_taken(options: dict[str, Any], painter_folder: Path) -> None:
    InversePaintingPipeline.from_pretrained(painter_folder, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"variant": "fp16"},
        {"use_safetensors": False},
        {"revision": "main"},
        {"torch_dtype": {"unet": torch.float16}},
        {"device_map": "balanced"},
        {"device_map": {"unet": "cpu"}},
        {"device_map": "cpu", "memory": MemoryConfig(offload="network")},
    ],
)
def test_options_that_painters_lack_are_refused_by_name(
    options: dict[str, Any], painter_folder: Path
) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        InversePaintingPipeline.from_pretrained(painter_folder, **options)


def test_local_files_only_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def snapshot_download(name: str, local_files_only: bool = False) -> str:
        asked[name] = local_files_only
        raise OSError

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(UserError, match="could not be fetched"):
        InversePaintingPipeline.from_pretrained("someone/painter", local_files_only=True)
    assert asked == {"someone/painter": True}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(("part", "what"), [("unet", "canvas"), ("mask_unet", "region")])
def test_values_that_are_not_finite_never_become_a_painting(
    part: str, what: str, value: float, pipeline: InversePaintingPipeline
) -> None:
    getattr(pipeline, part).conv_out.bias.data.fill_(value)
    with pytest.raises(UserError, match=f"of a {what} computed in float32 is not finite"):
        pipeline(np.full((64, 80, 3), 120, np.uint8), CONFIG)
