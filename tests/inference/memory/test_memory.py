"""Memory switches and plan, and errors when memory runs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.guidance import BRANCHES  # noqa: E402
from inference.command.batch_painting import paint_jobs  # noqa: E402
from inference.command.command import run_paint  # noqa: E402
from inference.command.painting_context import load_context, loader_of, painter_record  # noqa: E402
from inference.command.rollout_setup import start_rollout  # noqa: E402
from inference.inputs.jobs import Job  # noqa: E402
from inference.inputs.picture import load_picture  # noqa: E402
from inference.loading.memory_config import MemoryConfig  # noqa: E402
from inference.loading.offload import (  # noqa: E402
    OFFLOADED_PARTS,
    HostOffload,
    LayerOffload,
    OffloadedPainter,
    offloaded_parts,
)
from inference.loading.part_loading import prepare_vae, quantised_options  # noqa: E402
from inference.memory.advice import helping_switches, plan_lines  # noqa: E402
from inference.memory.live_bytes import counting_live_bytes  # noqa: E402
from inference.memory.out_of_memory import OutOfMemory, explain_out_of_memory, is_out_of_memory  # noqa: E402
from inference.memory.plan import MemoryPlan, memory_plan, network_size, plan_for  # noqa: E402
from inference.memory.weight_bytes import weights_of  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.networks.presets import PAPER  # noqa: E402
from training.painter.painter import Painter  # noqa: E402


@pytest.fixture(scope="module")
def config(painter_folder: Path) -> InferenceConfig:
    return InferenceConfig(painter=str(painter_folder), device="cpu", stop=StopConfig(max_steps=2))


def with_memory(config: InferenceConfig, **switches: Any) -> InferenceConfig:
    return config.model_copy(update={"memory": MemoryConfig(**switches)})


def canvases(config: InferenceConfig, picture: Path, painter: Painter | None = None) -> list[Any]:
    context = load_context(config, painter_record(config)[0])
    if painter is not None:
        context = type(context)(painter, context.record, context.perceptual, config)
    steps = list(start_rollout(context, load_picture(picture, config.picture)))
    return [(step.instruction.text, step.next.tobytes()) for step in steps]


@pytest.fixture(scope="module")
def plain(config: InferenceConfig, picture_file: Path) -> list[Any]:
    """By networks that are not packed for the CPU, as on a GPU."""
    loader = loader_of(config)
    parts = {name: loader.load(name) for name in loader.classes}
    return canvases(config, picture_file, Painter(parts, loader.settings))


def test_networks_on_the_disk_paint_the_same(
    config: InferenceConfig, picture_file: Path, tmp_path: Path
) -> None:
    """Packed again at every turn: the same sums, in a batch too."""
    steps: list[list[Any]] = []
    for name, switches in (("plain", {}), ("turns", {"offload": "network"})):
        asked = with_memory(config, **switches)
        context = load_context(asked, painter_record(asked)[0])
        jobs = [Job(picture_file, tmp_path / name / str(seed), seed) for seed in (1, 2)]
        records = [outcome.record for outcome in paint_jobs(jobs, context)]
        steps.append([one and [step.model_dump() for step in one.steps] for one in records])
    assert steps[0] == steps[1]
    frames = [sorted((tmp_path / name).rglob("frames/*")) for name in ("plain", "turns")]
    assert len(frames[0]) > 3
    assert [f.read_bytes() for f in frames[0]] == [f.read_bytes() for f in frames[1]]


@pytest.mark.parametrize("kind", [HostOffload, LayerOffload])
def test_offloaded_networks_paint_the_same(
    kind: Any, config: InferenceConfig, picture_file: Path, plain: list[Any]
) -> None:
    """The GPU's two ways, with the CPU for a device."""
    loader = loader_of(with_memory(config, offload="network"))
    names = offloaded_parts(loader)
    waiting = {name: loader.load(name) for name in names}
    staying = {name: loader.load(name) for name in loader.classes if name not in names}
    strategy = kind(waiting, loader.device)
    painter = OffloadedPainter(staying, waiting, loader, strategy, torch.float32)
    assert canvases(config, picture_file, painter) == plain


def test_one_network_is_there_at_a_time(config: InferenceConfig, picture_file: Path) -> None:
    loader = loader_of(with_memory(config, offload="network"))
    present, seen = set[str](), set[str]()

    class Spy:
        def load(self, name: str) -> Any:
            assert not present, f"{present} did not make room for {name}"
            present.add(name)
            seen.add(name)
            return loader.load(name)

        def unload(self, name: str) -> None:
            present.remove(name)

    names = offloaded_parts(loader)
    staying = {name: loader.load(name) for name in loader.classes if name not in names}
    painter = OffloadedPainter(staying, dict.fromkeys(names), loader, Spy(), torch.float32)
    canvases(config, picture_file, painter)
    assert seen == set(names)
    with pytest.raises(UserError, match=r"inference\.device"):
        painter.to("cpu")


def test_host_offload_frees_the_device(config: InferenceConfig) -> None:
    loader = loader_of(with_memory(config, offload="network"))
    network = loader.load("unet")
    before = {n: t.data_ptr() for n, t in network.state_dict().items()}
    strategy = HostOffload({"unet": network}, torch.device("cpu", 0))
    assert any(t.data_ptr() != before[n] for n, t in strategy.load("unet").state_dict().items())
    strategy.unload("unet")
    assert {n: t.data_ptr() for n, t in network.state_dict().items()} == before


def test_layers_have_nowhere_to_go_on_a_cpu(config: InferenceConfig) -> None:
    with pytest.raises(UserError, match="offload network"):
        load_context(with_memory(config, offload="layer"), painter_record(config)[0])


def test_tiles_and_slices_reach_the_vae() -> None:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    vae: Any = AutoencoderKL(block_out_channels=(4, 4, 4, 4), norm_num_groups=2,
                             down_block_types=("DownEncoderBlock2D",) * 4,
                             up_block_types=("UpDecoderBlock2D",) * 4)  # fmt: skip
    image = torch.rand(2, 3, 128, 192)
    with torch.inference_mode():
        whole = vae.encode(image).latent_dist.mode()
        prepare_vae(vae, MemoryConfig(vae_slices=True))
        assert torch.allclose(vae.encode(image).latent_dist.mode(), whole, atol=1e-6)
        prepare_vae(vae, MemoryConfig(vae_tile_px=64))
        tiled = vae.encode(image).latent_dist.mode()
    assert tiled.shape == whole.shape
    assert not torch.equal(tiled, whole)


def test_bits_without_bitsandbytes_or_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install bitsandbytes"):
        quantised_options(4, torch.device("cuda"), None)
    monkeypatch.undo()
    pytest.importorskip("bitsandbytes")
    with pytest.raises(UserError, match="no kernels for meta"):
        quantised_options(4, torch.device("meta"), None)


def test_a_language_model_in_few_bits_answers(config: InferenceConfig, picture_file: Path) -> None:
    pytest.importorskip("bitsandbytes")
    words = [step[0] for step in canvases(with_memory(config, llava_bits=8), picture_file)]
    assert len(words) == 2


def test_live_bytes_count_storages_while_they_live() -> None:
    with counting_live_bytes() as live:
        first = torch.empty(100, device="meta")
        view = first[10:]
        second = first + 1
        assert live.now == 800
        del first, second
        assert (live.now, live.peak) == (400, 800)
        del view
        query = torch.empty(1, 2, 50, 8, device="meta")
        live.restart_peak()
        torch.nn.functional.scaled_dot_product_attention(query, query, query)
        assert live.peak - live.now == query.numel() * 4


def test_weights_are_those_of_the_loaded_network(config: InferenceConfig) -> None:
    loader = loader_of(config)
    state = loader.load("unet").state_dict()
    found = weights_of(loader.folder / "unet", None)
    assert found.num_bytes == sum(t.numel() * t.element_size() for t in state.values())
    assert found.largest_bytes == max(t.numel() * t.element_size() for t in state.values())
    assert weights_of(loader.folder / "unet", torch.float16).num_bytes == found.num_bytes // 2


@pytest.fixture(scope="module")
def plan(config: InferenceConfig, picture_file: Path) -> MemoryPlan:
    return memory_plan(loader_of(config), config, [picture_file, Path("no such picture")])


def test_switches_lower_the_expected_peak(plan: MemoryPlan) -> None:
    assert plan.size == (32, 48)
    assert {stage.network for stage in plan.stages} == {*OFFLOADED_PARTS, "lpips"} - {
        "mask_text_encoder"
    }
    total = sum(part.weights.num_bytes for part in plan.parts)
    assert plan.peak_bytes > total
    offloaded = plan.with_switches(offload="network")
    assert offloaded.peak_bytes < plan.peak_bytes
    assert plan.with_switches(offload="layer").peak_bytes < offloaded.peak_bytes
    halved = plan.with_switches(torch.bfloat16)
    assert sum(part.weights.num_bytes for part in halved.parts) < 0.6 * total
    six = plan_for(plan.loader, BRANCHES, plan.size)
    live = [
        {stage.network: stage.live_bytes for stage in one.stages}["unet"] for one in (plan, six)
    ]
    assert live[1] > 2 * live[0]
    batch = plan_for(plan.loader, plan.branches, plan.size, num_paintings=4)
    for one, four in zip(plan.stages, batch.stages[-len(plan.stages) :], strict=True):
        grows = one.network in {"unet", "mask_unet", "text_encoder", "instruction_model"}
        assert four.live_bytes > (2 if grows else 1) * one.live_bytes, one


def test_the_plan_is_told_with_what_would_help(plan: MemoryPlan, config: InferenceConfig) -> None:
    text = "\n".join(plan_lines(plan, config, painter_record(config)[0]))
    for expected in (
        "every 10 s",
        "48 x 32 px",
        "2 denoising steps of 1 branches",
        "expected peak",
    ):
        assert expected in text
    names = [name for name, _ in helping_switches(plan)]
    assert names[:1] == ["--dtype bfloat16"]
    assert "--offload network" in names
    assert "--offload layer" not in names
    batch = plan_for(plan.loader, plan.branches, plan.size, num_paintings=4)
    assert "4 in a batch" in "\n".join(plan_lines(batch, config, painter_record(config)[0]))
    fewer, _ = next(helping_switches(batch))
    assert fewer == "--set inference.work.batch_size=1", "2 would save too little"
    peaks = [peak for _, peak in helping_switches(plan)]
    assert peaks == sorted(peaks, reverse=True)


def test_sizes_as_the_networks_see_them() -> None:
    assert network_size((1024, 1280), PAPER) == (512, 640)
    assert network_size((300, 200), PAPER) == (768, 512)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError("Unable to allocate 3 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_every_form_of_it_is_explained(error: Exception) -> None:
    with pytest.raises(OutOfMemory, match=r"while rendering canvas 3 .*: take less"):  # noqa: SIM117
        with explain_out_of_memory("rendering canvas 3", lambda: "take less"):
            raise error


def test_other_errors_pass() -> None:
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(cv2.error("bad argument"))
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory("painting", lambda: ""):
        raise RuntimeError("shapes do not fit")


def test_the_command_says_what_to_switch_on(
    config: InferenceConfig, picture_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*given: object, **named: object) -> np.ndarray:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(Painter, "predict", exhausted)
    with pytest.raises(UserError) as raised:
        run_paint([picture_file], tmp_path / "out", config, dry_run=False)
    text = str(raised.value)
    for expected in ("while rendering canvas 1", "Tried to allocate 2.00 GiB", "expected peak",
                 "free now", "--dtype bfloat16", "--offload network"):  # fmt: skip
        assert expected in text
    assert "\n" not in text
    assert not (tmp_path / "out" / "hill" / "session" / "session.json").exists()
