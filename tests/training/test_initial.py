"""What training starts from: a run or a painter in `training.initial`, for each network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.conventions.errors import UserError

pytestmark = pytest.mark.torch

NETWORK = {"text": "instruction_model", "mask": "mask_unet", "renderer": "unet"}
SIZES = [
    f"training.text.language.{key}={value}"
    for key, value in {
        "image_px": 32, "patch_px": 8, "vision_width": 48, "vision_layers": 1,
        "text_width": 32, "text_layers": 1, "head_width": 16,
    }.items()
]  # fmt: skip


def train(name: str, dataset: Path, run: Path, *overrides: str) -> dict[str, Any]:
    from training.run import run_training

    loop = {"max_steps": 1, "batch_size": 2, "validation_batches": 1}
    settings = [f"training.{name}.loop.{k}={v}" for k, v in loop.items()]
    return run_training(
        name,  # pyright: ignore[reportArgumentType]
        dataset,
        run,
        overrides=["training.image_side_px=64", *settings, *overrides],
    )


@pytest.fixture(scope="module")
def runs(toy_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    for name in NETWORK:
        train(name, toy_dataset, root / name, *(SIZES if name == "text" else []))
    return {name: root / name for name in NETWORK}


@pytest.fixture(scope="module")
def painter(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from training.painter.assemble import assemble_painter

    folder = tmp_path_factory.mktemp("whole") / "painter"
    assemble_painter(dict(runs), folder)
    return folder


def weights(folder: Path, name: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(next((folder / NETWORK[name]).glob("*.safetensors")))


@pytest.mark.parametrize("start", ["run", "painter"])
@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("name", ["text", "mask", "renderer"])
def test_training_starts_from_the_weights_of_initial(
    name: str, rank: int, start: str, runs: dict[str, Path], painter: Path, toy_dataset: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A step with a learning rate of next to nothing leaves them as they were; so do the LoRA
    layers that are merged into them."""
    import torch

    initial = runs[name] if start == "run" else painter
    train(
        name, toy_dataset, tmp_path / "tuned", f"training.initial={initial}",
        f"training.{name}.lora.rank={rank}", f"training.{name}.loop.learning_rate=1e-30",
    )  # fmt: skip
    before, after = weights(runs[name] / "parts", name), weights(tmp_path / "tuned/parts", name)
    assert set(before) == set(after)
    for key in before:
        torch.testing.assert_close(after[key], before[key], rtol=0, atol=1e-25)


def test_lora_moves_the_language_model_of_initial(
    runs: dict[str, Path], toy_dataset: Path, tmp_path: Path
) -> None:
    """The projector is trained whole, the vision tower not at all."""
    import torch

    train(
        "text", toy_dataset, tmp_path / "tuned", f"training.initial={runs['text']}",
        "training.text.lora.rank=2", "training.text.loop.warmup_steps=0",
    )  # fmt: skip
    before, after = (
        weights(runs["text"] / "parts", "text"),
        weights(tmp_path / "tuned/parts", "text"),
    )
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert any("projector" in key for key in changed)
    assert any("language_model" in key and "q_proj" in key for key in changed)
    assert not any("vision_tower" in key for key in changed)


def test_a_start_without_the_network_is_told(
    runs: dict[str, Path], toy_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a file that all commands share, `initial` may name a folder without it."""
    from training.run import run_training

    config = tmp_path / "pipelines.yaml"
    loop = "loop: {max_steps: 1, batch_size: 2, validation_batches: 1}"
    config.write_text(
        f"training:\n  initial: {runs['renderer']}\n  image_side_px: 64\n  mask: {{{loop}}}\n"
        f"  text: {{{loop}}}\n"
    )
    run_training("text", toy_dataset, tmp_path / "text", config, SIZES)
    told = f"{runs['renderer']} has no instruction model: text starts from random weights"
    assert told in capsys.readouterr().out
    run_training("mask", toy_dataset, tmp_path / "mask", config)
    told = f"{runs['renderer']} has no mask_unet: it starts from random weights"
    assert told in capsys.readouterr().out


def test_lora_of_random_weights_is_refused(
    runs: dict[str, Path], toy_dataset: Path, tmp_path: Path
) -> None:
    start = f"training.initial={runs['renderer']}"
    with pytest.raises(UserError, match="but mask_unet starts from random weights"):
        train("mask", toy_dataset, tmp_path, start, "training.mask.lora.rank=2")


def test_a_mask_generator_of_initial_goes_before_its_unet(
    painter: Path, toy_dataset: Path, tmp_path: Path
) -> None:
    import torch

    config = tmp_path / "pipelines.yaml"
    config.write_text("training: {mask: {start: unet}}")
    from training.run import run_training

    settings = [
        f"training.initial={painter}", "training.image_side_px=64",
        "training.mask.loop.max_steps=1",
        "training.mask.loop.batch_size=2", "training.mask.loop.learning_rate=1e-30",
    ]  # fmt: skip
    run_training("mask", toy_dataset, tmp_path / "run", config, settings)
    before, after = weights(painter, "mask"), weights(tmp_path / "run/parts", "mask")
    for key in before:
        torch.testing.assert_close(after[key], before[key], rtol=0, atol=1e-25)
