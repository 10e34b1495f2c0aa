"""The three objectives at tiny size: resuming, ranks, precision, ablations, fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.conventions.errors import UserError

if TYPE_CHECKING:
    from training.networks.presets import Preset
    from training.streaming.batch import Batch

pytestmark = pytest.mark.torch

SMALL_TEXT = {
    "image_px": 32, "patch_px": 8, "vision_width": 48, "vision_layers": 1,
    "text_width": 32, "text_layers": 1, "head_width": 16,
}  # fmt: skip


def train(name: str, dataset: Path, run: Path, steps: int, *overrides: str) -> dict[str, Any]:
    from training.run import run_training

    loop = {"max_steps": steps, "batch_size": 2, "validation_batches": 1}
    sizes = SMALL_TEXT if name == "text" else {}
    language = [f"training.text.language.{k}={v}" for k, v in sizes.items()]
    settings = [f"training.{name}.loop.{k}={v}" for k, v in loop.items()]
    return run_training(
        name,  # pyright: ignore[reportArgumentType]
        dataset,
        run,
        overrides=["training.image_side_px=64", *language, *settings, *overrides],
    )


def checkpoint_bytes(run: Path) -> dict[str, bytes]:
    from training.loop.checkpoint import latest_checkpoint

    path = latest_checkpoint(run)
    assert path is not None
    return {file.name: file.read_bytes() for file in sorted(path.glob("*.safetensors"))}


@pytest.mark.parametrize("name", ["text", "mask", "renderer"])
def test_stopped_and_resumed_is_bit_identical(name: str, toy_dataset: Path, tmp_path: Path) -> None:
    """Weights, averages, moments and generators, with everything on that changes the arithmetic."""
    options = [
        f"training.{name}.loop.{option}"
        for option in ("precision=bf16", "gradient_checkpointing=true", "accumulation_steps=2")
    ]
    train(name, toy_dataset, tmp_path / "whole", 3, *options)
    train(name, toy_dataset, tmp_path / "parts", 1, *options)
    train(name, toy_dataset, tmp_path / "parts", 3, *options)
    whole, parts = (checkpoint_bytes(tmp_path / run) for run in ("whole", "parts"))
    assert set(whole) == {f"{n}.safetensors" for n in ("average", "optimizer", "random", "weights")}
    assert whole == parts


@pytest.fixture(scope="module")
def batch(make_toy_samples: Callable[..., list[Any]], small_preset: Preset) -> Batch:
    import torch

    from training.streaming.batch import Position, sample_seed
    from training.streaming.collation import collate

    samples = make_toy_samples(0)[:3]
    seeds = [sample_seed(0, 0, sample.key) for sample in samples]
    stored = collate(samples, small_preset, seeds, Position(0, 1, len(samples)))
    return stored.to(torch.device("cpu"))


@pytest.fixture(scope="module")
def paper_like(small_preset: Preset) -> Preset:
    """Small, but with the paper's loss: the UNet says the noise."""
    return small_preset.model_copy(
        update={"output": "noise", "prediction_type": "epsilon", "sees_target": False}
    )


def objective_of(name: str, preset: Preset, **values: Any) -> Any:
    from training.initial_parts import objective_parts
    from training.objectives.mask import MaskObjective
    from training.objectives.renderer import RendererObjective
    from training.painter.folder import PainterSettings
    from training.settings import TrainingConfig

    config = TrainingConfig.model_validate({name: values})
    settings = PainterSettings(preset=preset, num_steps=2)
    made = {"mask": MaskObjective, "renderer": RendererObjective}[name]
    return made(objective_parts(name, config, preset), settings, getattr(config, name))


def gradients(objective: Any, batch: Batch, **loop: Any) -> dict[str, Any]:
    """By parameter name, after one backward pass as the trainer makes it."""
    import torch

    from training.loop.config import LoopConfig
    from training.loop.loss_module import LossModule, prepare_parts, trained_parts

    config = LoopConfig(**loop)
    prepare_parts(objective, config, torch.device("cpu"))
    for part in trained_parts(objective).values():
        part.train()
    LossModule(objective, config, torch.device("cpu"))(batch)["loss"].backward()
    return {
        f"{part}.{name}": parameter.grad
        for part, module in trained_parts(objective).items()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and parameter.grad is not None
    }


@pytest.fixture(scope="module")
def plain_gradients(paper_like: Preset, batch: Batch) -> dict[str, Any]:
    return gradients(with_random_ends(objective_of("renderer", paper_like)), batch)


def with_random_ends(objective: Any) -> Any:
    """Layers that start at zero let no gradient through to what lies before them."""
    import torch

    end = objective.parts()["canvas_encoder"].final_proj
    torch.nn.init.normal_(end.weight, std=0.1, generator=torch.Generator().manual_seed(1))
    return objective


def test_every_network_of_the_renderer_is_trained(plain_gradients: dict[str, Any]) -> None:
    """Also g_c, which the released code never trained."""
    for part in ("unet", "reference_unet", "canvas_encoder", "next_image_adapter", "time_encoder"):
        found = [g for name, g in plain_gradients.items() if name.startswith(f"{part}.")]
        assert found
        assert any(float(g.abs().sum()) > 0 for g in found), part


def test_checkpointed_and_compiled_gradients_are_the_same(
    plain_gradients: dict[str, Any], paper_like: Preset, batch: Batch
) -> None:
    import torch

    for loop in ({"gradient_checkpointing": True}, {"compile_backend": "eager"}):
        made = gradients(with_random_ends(objective_of("renderer", paper_like)), batch, **loop)
        assert set(made) == set(plain_gradients)
        for name, gradient in made.items():
            torch.testing.assert_close(gradient, plain_gradients[name], rtol=1e-4, atol=1e-6)


def test_half_precision_stays_near(
    plain_gradients: dict[str, Any], paper_like: Preset, batch: Batch
) -> None:
    import torch

    made = gradients(
        with_random_ends(objective_of("renderer", paper_like)), batch, precision="bf16"
    )
    name = "unet.conv_out.weight"
    assert made[name].dtype == torch.float32
    likeness = torch.cosine_similarity(made[name].flatten(), plain_gradients[name].flatten(), dim=0)
    assert 0.98 < float(likeness) < 1.0


def test_regression_of_the_next_image_trains_its_adapter_more(
    paper_like: Preset, batch: Batch
) -> None:
    objective = objective_of("renderer", paper_like, next_image_weight=1.0)
    terms = objective.loss(batch)
    assert float(terms["next_image"].detach()) > 0
    total = float(terms["error"]) + float(terms["next_image"].detach())
    assert float(terms["loss"].detach()) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    ("ablation", "condition", "part"),
    [
        ("TE", "interval_s", "time_encoder"),
        ("TG", "instructions", None),
        ("MG", "mask", None),
        ("RN", None, "reference_unet"),
        ("CE", None, "next_image_adapter"),
    ],
)
def test_what_an_ablation_leaves_out_has_no_effect(
    ablation: Any, condition: str | None, part: str | None, paper_like: Preset, batch: Batch
) -> None:
    from dataclasses import replace

    import torch

    from training.networks.presets import ablated

    other = {
        "interval_s": batch.interval_s + 40,
        "instructions": ["tree"] * len(batch.keys),
        "mask": 1 - batch.mask,
    }

    def changes(preset: Preset) -> bool:
        objective = with_random_ends(objective_of("renderer", preset))
        with torch.no_grad():
            before = objective.loss(batch)["loss"]
            changed: Any = replace(batch, **{str(condition): other[str(condition)]})
            return bool(objective.loss(changed)["loss"] != before)

    without = ablated(paper_like, [ablation])
    if condition is not None:
        assert changes(paper_like)
        assert not changes(without)
    parts = objective_of("renderer", without).parts()
    assert part is None or part not in parts
    if ablation == "RN":
        assert parts["canvas_encoder"].config["in_channels"] == 7


def test_ablated_runs_say_so_and_refuse_what_they_lack(toy_dataset: Path, tmp_path: Path) -> None:
    from training.painter.painter import load_painter

    options = ["training.one_step=true", "training.without=[TE]"]
    train("renderer", toy_dataset, tmp_path / "run", 1, *options, "training.interval_s=10")
    settings = load_painter(tmp_path / "run" / "parts").settings
    assert settings.preset.without == ("TE", "TG", "MG")
    assert settings.interval_s == 10
    for name in ("text", "mask"):
        with pytest.raises(UserError, match=r"training\.without says"):
            train(name, toy_dataset, tmp_path / name, 1, options[0])


@pytest.mark.parametrize("rank", [0, 2])
def test_fine_tuning_from_a_painter_full_or_by_lora(
    rank: int, toy_dataset: Path, tmp_path: Path
) -> None:
    import torch

    from training.painter.painter import load_painter

    train("renderer", toy_dataset, tmp_path / "first", 1)
    start = tmp_path / "first" / "parts"
    options = [f"training.initial={start}", f"training.renderer.lora.rank={rank}"]
    train("renderer", toy_dataset, tmp_path / "tuned", 2, *options)
    before = load_painter(start).part("unet").state_dict()
    after = load_painter(tmp_path / "tuned" / "parts").part("unet").state_dict()
    assert set(after) == set(before), "adapters are merged"
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("attn1.to_q" in name for name in changed)
    assert rank == 0 or all(".attn" in name for name in changed)


def test_weights_of_another_preset_are_refused(toy_dataset: Path, tmp_path: Path) -> None:
    train("mask", toy_dataset, tmp_path / "run", 1)
    start = f"training.initial={tmp_path / 'run' / 'parts'}"
    with pytest.raises(UserError, match="painter of the pocket preset"):
        train("mask", toy_dataset, tmp_path / "other", 1, "training.preset=paper", start)
    with pytest.raises(UserError, match=r"training\.initial='nowhere' not found"):
        train("mask", toy_dataset, tmp_path / "other", 1, "training.initial=nowhere")
    with pytest.raises(UserError, match=r"lora\.rank adapts trained networks"):
        train("mask", toy_dataset, tmp_path / "other", 1, "training.mask.lora.rank=2")


def test_the_mask_unet_may_start_as_a_diffusion_unet(small_preset: Preset, tmp_path: Path) -> None:
    import torch

    from training.painter.parts import build_part
    from training.painter.pretrained import mask_unet_from_unet

    preset = small_preset.model_copy(update={"output": "noise", "mask_unet": small_preset.unet})
    unet = build_part("unet", preset)
    unet.save_pretrained(tmp_path / "unet")
    made = mask_unet_from_unet(tmp_path, preset)
    ours, theirs = (network.mid_block.resnets[0].conv1.weight for network in (made, unet))
    assert torch.equal(ours, theirs)
    canvas, target, difference = made.conv_in.weight.split([3, 3, 1], dim=1)
    assert torch.equal(canvas + target, unet.conv_in.weight)
    assert not difference.any()


def test_eight_bit_moments_need_a_gpu(toy_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"adamw_8bit needs a CUDA GPU, training runs on cpu"):
        train("mask", toy_dataset, tmp_path, 1, "training.mask.loop.optimizer=adamw_8bit")


def test_unknown_compile_backends_are_named(toy_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"compile_backend='fast' is not known.*inductor"):
        train("mask", toy_dataset, tmp_path, 1, "training.mask.loop.compile_backend=fast")


def test_paper_preset_brings_the_published_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a pipelines.yaml, which writes our own defaults out and changes one of them."""
    from ingest.conventions.config import to_yaml
    from training.settings import TrainingConfig, load_training

    ours = TrainingConfig().model_dump(mode="json")
    ours["data"]["shuffle_samples"] = 99
    (tmp_path / "pipelines.yaml").write_text(
        to_yaml(TrainingConfig.model_validate(ours), "training")
    )
    monkeypatch.chdir(tmp_path)
    asked = ["training.preset=paper", "training.mask.loop.batch_size=4"]
    config = load_training(None, asked)
    assert (config.renderer.loop.max_steps, config.renderer.drop_probability) == (200_000, 0.1)
    assert (config.mask.loop.learning_rate, config.mask.loop.batch_size) == (1e-5, 4)
    assert (config.text.lora.rank, config.text.lora.alpha) == (128, 256)
    assert config.data.shuffle_samples == 99
    text = config.text.loop.resolved(num_samples=7261, num_workers=1)
    assert (text.max_steps, text.warmup_steps) == (4539, 136)
    assert load_training(None, None).renderer.loop == TrainingConfig().renderer.loop
