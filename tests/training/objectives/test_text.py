"""The text objective: loss on the answer's tokens, LoRA, training of a pocket model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.conventions.errors import UserError

if TYPE_CHECKING:
    from ingest.format.schema import Sample
    from training.networks.presets import Preset
    from training.streaming.batch import Batch

pytestmark = pytest.mark.torch

SMALL = {
    "image_px": 32, "patch_px": 8, "vision_width": 48, "vision_layers": 1,
    "text_width": 32, "text_layers": 1, "head_width": 16,
}  # fmt: skip
PLAIN = {"flip": False, "crop": 0.0, "colour_jitter": 0.0}


@pytest.fixture(scope="module")
def batch(make_toy_samples: Callable[..., list[Sample]], small_preset: Preset) -> Batch:
    import torch

    from training.streaming.batch import Position, sample_seed
    from training.streaming.collation import collate

    samples = [sample for seed in range(2) for sample in make_toy_samples(seed)]
    seeds = [sample_seed(0, 0, sample.key) for sample in samples]
    stored = collate(samples, small_preset, seeds, Position(0, 1, len(samples)))
    return stored.to(torch.device("cpu"))


def objective_of(preset: Preset, **values: Any) -> Any:
    import torch  # noqa: F401

    from training.objectives.text import build_text_objective
    from training.painter.folder import PainterSettings
    from training.settings import TrainingConfig

    config = TrainingConfig.model_validate(
        {"device": "cpu", "text": {"language": SMALL, **values}, "preset": preset.name}
    )
    settings = PainterSettings(preset=preset, num_steps=1)
    return build_text_objective(config.text, config.text.base, settings, config.device, config.seed)


def steps(objective: Any, batch: Batch, count: int, rate: float) -> list[float]:
    import torch

    model = objective.parts()["instruction_model"].train()
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=rate)
    losses = []
    for _ in range(count):
        loss = objective.loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.fixture(scope="module")
def base(small_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA folder to adapt."""
    path = tmp_path_factory.mktemp("base")
    for part in objective_of(small_preset).parts().values():
        part.save_pretrained(path)
    return path


def test_labels_are_the_answer_and_its_end(batch: Batch, small_preset: Preset) -> None:
    from labeling.instructions.vision_language.prompts import INSTRUCT
    from training.objectives.text import IGNORED, plain_pairs, with_answers

    model = objective_of(small_preset).instruction_model
    asked = model.inputs(plain_pairs(batch), INSTRUCT)
    inputs, labels = with_answers(model, asked, batch)
    length = asked["input_ids"].shape[1]
    assert (inputs["input_ids"][:, :length] == asked["input_ids"]).all()
    for row, text in zip(labels, batch.instructions, strict=True):
        tokens = row[row != IGNORED].tolist()
        assert tokens[-1] == model.tokenizer.eos_token_id
        assert model.tokenizer.decode(tokens[:-1]) == text


def test_a_word_outside_the_vocabulary_is_spelled(batch: Batch, small_preset: Preset) -> None:
    from dataclasses import replace

    objective = objective_of(small_preset)
    words = ["lighthouse", "mountain, sky", "Sky", "café", "sky", "tree", "sky", "tree"]
    tokenizer = objective.instruction_model.tokenizer
    read = [tokenizer.decode(tokenizer(word, add_special_tokens=False).input_ids) for word in words]
    assert read[:4] == ["lighthouse", "mountain, sky", "sky", "cafe"]
    loss = objective.loss(replace(batch, instructions=words))["loss"]
    assert np.isfinite(float(loss.detach()))


def test_loss_is_that_of_the_answer_alone(batch: Batch, small_preset: Preset) -> None:
    """Against transformers' own loss with the question's labels masked."""
    import torch

    from labeling.instructions.vision_language.prompts import INSTRUCT
    from training.objectives.text import IGNORED, plain_pairs, with_answers

    objective = objective_of(small_preset)
    made = objective.instruction_model
    made.model.eval()
    asked = made.inputs(plain_pairs(batch), INSTRUCT)
    inputs, labels = with_answers(made, asked, batch)
    question = torch.full_like(asked["input_ids"], IGNORED)
    with torch.no_grad():
        theirs = made.model(**inputs, labels=torch.cat([question, labels], dim=1)).loss
        assert float(objective.loss(batch)["loss"]) == pytest.approx(float(theirs), abs=1e-5)


def test_augmentation_belongs_to_the_sample(batch: Batch, small_preset: Preset) -> None:
    from training.objectives.text import augmented_pairs, plain_pairs

    config = objective_of(small_preset).config
    plain, first = plain_pairs(batch), augmented_pairs(batch, config)
    assert all(
        np.array_equal(a, b) for a, b in zip(first, augmented_pairs(batch, config), strict=True)
    )
    assert any(not np.array_equal(a, b) for a, b in zip(first, plain, strict=True))
    off = config.model_copy(update=PLAIN)
    assert all(
        np.array_equal(a, b) for a, b in zip(plain, augmented_pairs(batch, off), strict=True)
    )


def test_mirroring_keeps_the_canvas_left(batch: Batch, small_preset: Preset) -> None:
    from training.objectives.text import augmented_pairs, plain_pairs

    config = objective_of(small_preset).config.model_copy(update={**PLAIN, "flip": True})
    width = batch.current.shape[-1]
    seen = set()
    for plain, made in zip(plain_pairs(batch), augmented_pairs(batch, config), strict=True):
        halves = [plain[:, :width], plain[:, width:]]
        mirrored = np.concatenate([half[:, ::-1] for half in halves], axis=1)
        kinds = [np.array_equal(made, plain), np.array_equal(made, mirrored)]
        assert any(kinds)
        seen.add(tuple(kinds))
    assert len(seen) > 1


def test_pocket_training_fits_a_batch(batch: Batch, small_preset: Preset) -> None:
    objective = objective_of(small_preset, label_smoothing=0.0, **PLAIN)
    losses = steps(objective, batch, 60, 5e-3)
    assert losses[-1] < 0.3 * losses[0]
    pairs_right = float(objective.loss(batch)["accuracy"].detach())
    assert pairs_right > 0.7
    sheet = objective.preview(batch)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1:] == (384, 3)


def test_lora_trains_only_what_it_should(base: Path, batch: Batch, small_preset: Preset) -> None:
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0}
    objective = objective_of(small_preset, base=str(base), lora=lora, label_smoothing=0.0, **PLAIN)
    model = objective.parts()["instruction_model"]
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert any("lora_A" in name for name in trained)
    assert any("multi_modal_projector" in name for name in trained)
    assert all("lora_" in name or "multi_modal_projector" in name for name in trained)
    before = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    losses = steps(objective, batch, 8, 1e-2)
    assert losses[-1] < losses[0]
    assert all((p == before[n]).all() for n, p in model.named_parameters() if n in before)


def test_lora_is_merged_on_saving(
    base: Path, batch: Batch, small_preset: Preset, tmp_path: Path
) -> None:
    import torch

    from labeling.instructions.vision_language.instruction_model import InstructionModel
    from labeling.instructions.vision_language.prompts import INSTRUCT
    from training.objectives.text import plain_pairs
    from training.painter.folder import class_of, save_part

    lora = {"rank": 4, "alpha": 8, "dropout": 0.0}
    objective = objective_of(small_preset, base=str(base), lora=lora)
    steps(objective, batch, 3, 1e-2)
    model = objective.parts()["instruction_model"].eval()
    assert class_of(model) == ["transformers", "LlavaForConditionalGeneration"]
    processor = objective.parts()["instruction_processor"]
    save_part(model, tmp_path / "model")
    save_part(processor, tmp_path / "processor")
    reloaded = InstructionModel(
        type(model).from_pretrained(tmp_path / "model"),
        type(processor).from_pretrained(tmp_path / "processor"),
    )
    inputs = reloaded.inputs(plain_pairs(batch), INSTRUCT)
    with torch.no_grad():
        difference = reloaded.model(**inputs).logits - model(**inputs).logits
    assert float(difference.abs().max()) < 1e-4
    assert any("lora_" in name for name, _ in model.named_parameters()), "training can go on"


def test_lora_targets_that_match_nothing_are_refused(base: Path, small_preset: Preset) -> None:
    lora = {"rank": 4, "targets": "model.layers.*q_proj"}
    with pytest.raises(UserError, match="matches none"):
        objective_of(small_preset, base=str(base), lora=lora)


def test_the_paper_preset_needs_a_trained_llava() -> None:
    from training.networks.presets import PAPER

    with pytest.raises(UserError, match=r"training\.text\.base"):
        objective_of(PAPER)


def test_lora_without_a_base_is_refused(small_preset: Preset) -> None:
    with pytest.raises(UserError, match=r"training\.text\.base and training\.initial name none"):
        objective_of(small_preset, lora={"rank": 4})


def test_command_trains_resumes_and_leaves_a_painter_part(
    toy_dataset: Path, make_toy_samples: Callable[..., list[Sample]], tmp_path: Path
) -> None:
    from labeling.instructions.vision_language.instruction_model import InstructionModel
    from training.painter.painter import load_painter
    from training.run import run_training

    def train(run: Path, steps: int) -> dict[str, Any]:
        sizes = [f"training.text.language.{name}={value}" for name, value in SMALL.items()]
        loop = {"max_steps": steps, "batch_size": 4, "checkpoint_every_steps": 2}
        asked = [f"training.text.loop.{name}={value}" for name, value in loop.items()]
        return run_training("text", toy_dataset, run, None, [*sizes, *asked])

    whole = train(tmp_path / "whole", 4)
    train(tmp_path / "halves", 2)
    assert train(tmp_path / "halves", 4)["validation_loss"] == whole["validation_loss"]
    weights = "parts/instruction_model/model.safetensors"
    assert (tmp_path / "halves" / weights).read_bytes() == (
        tmp_path / "whole" / weights
    ).read_bytes()
    painter = load_painter(tmp_path / "whole" / "parts")
    asked = InstructionModel(
        painter.part("instruction_model"), painter.part("instruction_processor")
    )
    sample = make_toy_samples(5)[0]
    (text, confidence), *rest = asked.instruct([sample.current], [sample.target])
    assert isinstance(text, str)
    assert 0 < confidence <= 1
    assert not rest
