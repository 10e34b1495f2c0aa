"""The commands, small: train, go on, put together, load; and what they say when used wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.conventions.errors import UserError

pytestmark = pytest.mark.torch


def train(name: str, dataset: Path, run: Path, steps: int = 2, *overrides: str) -> dict[str, Any]:
    from training.run import run_training

    settings = [
        "training.image_side_px=64",
        f"training.{name}.loop.max_steps={steps}",
        f"training.{name}.loop.batch_size=2",
        f"training.{name}.loop.validation_batches=1",
        *overrides,
    ]
    return run_training(name, dataset, run, overrides=settings)  # pyright: ignore


@pytest.fixture(scope="module")
def runs(toy_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    for name in ("mask", "renderer"):
        train(name, toy_dataset, root / name)
    return {name: root / name for name in ("mask", "renderer")}


def test_runs_become_a_painter(runs: dict[str, Path], tmp_path: Path) -> None:
    from training.painter.assemble import assemble_painter
    from training.painter.painter import load_painter

    result = assemble_painter({"text": None, **runs}, tmp_path / "painter")
    painter = load_painter(tmp_path / "painter")
    assert sorted(painter.parts) == result["parts"]
    assert painter.settings.preset.image_side_px == 64
    assert painter.settings.interval_s == 20.0
    assert set(painter.settings.provenance) == {"mask", "renderer"}
    # A painter folder can be the source of a part, too.
    again = {"text": None, "mask": tmp_path / "painter", "renderer": runs["renderer"]}
    assert assemble_painter(again, tmp_path / "again")["parts"] == result["parts"]


def test_a_finished_run_returns_at_once_and_a_longer_one_goes_on(
    runs: dict[str, Path], toy_dataset: Path
) -> None:
    before = (runs["mask"] / "result.json").stat().st_mtime_ns
    assert train("mask", toy_dataset, runs["mask"])["step"] == 2
    assert (runs["mask"] / "result.json").stat().st_mtime_ns == before
    assert train("mask", toy_dataset, runs["mask"], steps=3)["step"] == 3


def test_training_twice_gives_the_same_weights(
    runs: dict[str, Path], toy_dataset: Path, tmp_path: Path
) -> None:
    train("renderer", toy_dataset, tmp_path / "again")
    for part in ("unet", "reference_unet", "canvas_encoder"):
        file = f"parts/{part}/diffusion_pytorch_model.safetensors"
        assert (tmp_path / "again" / file).read_bytes() == (runs["renderer"] / file).read_bytes()


def test_wrong_use_is_told_in_one_line(
    runs: dict[str, Path], toy_dataset: Path, tmp_path: Path, make_toy_dataset: Callable[..., Path]
) -> None:
    from training.painter.assemble import assemble_painter

    with pytest.raises(UserError, match="choose another folder"):
        train("renderer", toy_dataset, runs["mask"])
    with pytest.raises(UserError, match="needs a pretrained vae"):
        train("mask", toy_dataset, tmp_path / "paper", 1, "training.preset=paper")
    with pytest.raises(UserError, match=r"training\.mask\.loop\.max_stepz"):
        train("mask", toy_dataset, tmp_path / "typo", 1, "training.mask.loop.max_stepz=1")
    with pytest.raises(UserError, match="nothing to put together"):
        assemble_painter({"mask": None}, tmp_path / "none")
    with pytest.raises(UserError, match="which belong to renderer"):
        assemble_painter({"renderer": runs["mask"]}, tmp_path / "mixed")
    empty = make_toy_dataset(tmp_path / "empty", num_train=0, num_val=1)
    with pytest.raises(UserError, match="no train samples"):
        train("mask", empty, tmp_path / "nothing")


def test_a_full_disk_is_told_in_one_line_and_earlier_checkpoints_stay(
    toy_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    from training.loop import checkpoint

    train("mask", toy_dataset, tmp_path / "run", 1)

    def full(*_: Any) -> None:
        raise SafetensorError("Error while serializing: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        with pytest.raises(UserError, match=r"step-000000002: the disk is full: free space"):
            train("mask", toy_dataset, tmp_path / "run", 2)
    left = [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert left == ["step-000000001"]
    assert train("mask", toy_dataset, tmp_path / "run", 2)["step"] == 2


def test_a_full_disk_leaves_the_painter_that_was_there(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.painter import assemble

    sources = {"text": None, **runs}
    assemble.assemble_painter(sources, tmp_path / "painter")

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(assemble.shutil, "copyfile", full)
    with pytest.raises(UserError, match=r"cannot write .*/painter/\w+/.* the disk is full"):
        assemble.assemble_painter(sources, tmp_path / "painter")
    assert [path.name for path in tmp_path.iterdir()] == ["painter"]
    assert (tmp_path / "painter" / "model_index.json").is_file()


def test_dry_run_prints_config_and_plan_and_makes_nothing(
    toy_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.run import run_training

    plan = run_training("mask", toy_dataset, tmp_path / "run", dry_run=True)
    printed = capsys.readouterr().out
    assert "max_time_s" in printed
    assert plan["train_samples"] == 24
    assert not (tmp_path / "run").exists()


def test_published_settings_are_valid() -> None:
    from ingest.conventions.config import load_section
    from training.settings import TrainingConfig

    path = Path(__file__).resolve().parents[2] / "training" / "loop" / "paper.yaml"
    config = load_section("training", TrainingConfig, path)
    assert config.preset == "paper"
    assert config.renderer.loop.max_steps == 200_000
    assert config.renderer.drop_probability == 0.1
    assert json.loads(config.model_dump_json())["mask"]["loop"]["learning_rate"] == 1e-5


def test_setting_one_value_of_a_loop_keeps_the_others_of_that_objective(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objectives' loops differ in defaults; naming one key must not bring the class's back."""
    from ingest.conventions.config import load_section
    from training.settings import TrainingConfig

    monkeypatch.chdir(tmp_path)  # away from pipelines.yaml, which names every key
    plain = TrainingConfig().renderer.loop
    overrides = ["training.renderer.loop.max_time_s=7"]
    changed = load_section("training", TrainingConfig, None, overrides).renderer.loop
    assert changed == plain.model_copy(update={"max_time_s": 7.0})


def test_parts_are_compared_by_what_they_compute(runs: dict[str, Path], tmp_path: Path) -> None:
    """A fine-tuned renderer notes where its frozen parts came from; that is no difference."""
    from safetensors.torch import load_file, save_file

    from training.painter.assemble import assemble_painter

    assemble_painter({"text": None, **runs}, tmp_path / "painter")
    config = tmp_path / "painter" / "vae" / "config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    values["_name_or_path"] = "somewhere/else"
    config.write_text(json.dumps(values), encoding="utf-8")
    weights = next((tmp_path / "painter" / "text_encoder").glob("*.safetensors"))
    save_file(load_file(weights), weights, metadata={"format": "pt", "by": "another version"})
    sources = {"text": None, "mask": tmp_path / "painter", "renderer": runs["renderer"]}
    assemble_painter(sources, tmp_path / "joined")
    changed = {name: tensor + 1 for name, tensor in load_file(weights).items()}
    save_file(changed, weights, metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"text_encoder differs .*safetensors: other values in"):
        assemble_painter(sources, tmp_path / "refused")


@pytest.mark.parametrize("rank", [0, 4])
def test_a_fine_tuned_renderer_joins_the_painter_it_came_from(
    rank: int, runs: dict[str, Path], toy_dataset: Path, tmp_path: Path
) -> None:
    """Loading and saving a tokenizer adds keys to its config; rank 4 fine-tunes with LoRA."""
    from training.painter.assemble import assemble_painter

    painter = tmp_path / "painter"
    assemble_painter({"text": None, **runs}, painter)
    tuning = (f"training.initial={painter}", f"training.renderer.lora.rank={rank}")
    train("renderer", toy_dataset, tmp_path / "tuned", 1, *tuning)
    sources = {"text": None, "mask": painter, "renderer": tmp_path / "tuned"}
    assert "mask_unet" in assemble_painter(sources, tmp_path / "joined")["parts"]


def test_a_folder_of_something_else_is_never_replaced(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    from training.painter.assemble import assemble_painter

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(UserError, match="mine is there and is no painter folder"):
        assemble_painter({"text": None, **runs}, tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").is_file()


def test_going_on_with_another_setting_is_told(
    toy_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train("mask", toy_dataset, tmp_path / "run", 1)
    train("mask", toy_dataset, tmp_path / "run", 2, "training.data.cache_mb=64")
    assert "another setting" not in capsys.readouterr().out
    train("mask", toy_dataset, tmp_path / "run", 3, "training.mask.loop.learning_rate=0.5")
    told = "training.mask.loop.learning_rate is 0.5, was 0.001"
    assert told in capsys.readouterr().out
