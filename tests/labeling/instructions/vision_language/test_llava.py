"""LLaVA's real classes with tiny random weights: batches, padding, confidence, loading."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.conventions.errors import UserError
from labeling.instructions.labeler import Answer
from labeling.instructions.vision_language.llava import (
    LlavaConfig,
    LlavaLabeler,
    load_instruction_model,
)
from labeling.instructions.vision_language.prompts import ANNOTATE, INSTRUCT, pair_image

if TYPE_CHECKING:
    from labeling.instructions.vision_language.instruction_model import InstructionModel

pytestmark = pytest.mark.torch


def pictures(count: int, seed: int = 0, size: tuple[int, int] = (24, 30)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 255, (*size, 3), np.uint8) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA folder in the transformers layout, 60,000 parameters."""
    import torch

    from training.networks.language import LanguageConfig, build_instruction_model

    size = LanguageConfig(
        image_px=32, patch_px=8, vision_width=48, vision_layers=1, text_width=32, text_layers=1,
        head_width=16,
    )  # fmt: skip
    model, processor = build_instruction_model(size, seed=0)
    with torch.no_grad():
        # A peaked answer: near-uniform ones flip at the last bit of a float.
        model.lm_head.weight.mul_(20)
    path = tmp_path_factory.mktemp("llava") / "tiny"
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def tiny(folder: Path) -> InstructionModel:
    return load_instruction_model(LlavaConfig(model=str(folder), device="cpu"))


def test_answers_do_not_depend_on_the_batch(tiny: InstructionModel) -> None:
    pairs = [pair_image(*pictures(2, seed)) for seed in range(5)]
    together = tiny.ask(pairs, INSTRUCT)
    alone = [tiny.ask([pair], INSTRUCT)[0] for pair in pairs]
    assert [a.text for a in together] == [a.text for a in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.mean_log_probability == pytest.approx(other.mean_log_probability, abs=1e-4)
        assert 0 <= one.confidence <= 1
    assert len({a.mean_log_probability for a in together}) == 5, "the images must matter"


def test_questions_of_two_lengths_are_padded_on_the_left(tiny: InstructionModel) -> None:
    """Generation continues at the right end, so padding there would be in the way."""
    short, long = tiny.tokenizer(["sky", "sky sky sky"], padding=True).input_ids
    assert short[0] == tiny.tokenizer.pad_token_id
    assert short[-1] == long[-1]


def test_mean_log_probability_is_that_of_a_forward_pass(tiny: InstructionModel) -> None:
    import torch

    pair = pair_image(*pictures(2, 3))
    inputs = tiny.inputs([pair], ANNOTATE)
    ids, scores = inputs["input_ids"], []
    with torch.no_grad():
        for _ in range(tiny.max_new_tokens):
            grown = {**inputs, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
            score, token = tiny.model(**grown).logits[0, -1].log_softmax(-1).max(dim=-1)
            scores.append(float(score))
            ids = torch.cat([ids, token.view(1, 1)], dim=1)
            if int(token) == tiny.tokenizer.eos_token_id:
                break
    answer = tiny.ask([pair], ANNOTATE)[0]
    assert answer.mean_log_probability == pytest.approx(np.mean(scores), abs=1e-4)


def test_confidence_is_the_geometric_mean() -> None:
    answer = Answer.from_log_probability("sky", float(np.log(0.25)))
    assert answer.confidence == pytest.approx(0.25)
    assert Answer.from_log_probability("sky", 1e-9).confidence == 1.0


def test_a_processor_that_crops_gets_a_square(folder: Path) -> None:
    """CLIP's preprocessing crops to the centre, but the outer edges of a pair must be seen."""
    model = load_instruction_model(LlavaConfig(model=str(folder), device="cpu"))
    images = model.processor.image_processor
    images.do_center_crop, images.size = True, {"shortest_edge": 32}
    left, right = pictures(2, size=(20, 40))
    plain = model.inputs([pair_image(left, right)], INSTRUCT)["pixel_values"]
    left[:, :4] = 0
    right[:, -4:] = 0
    changed = model.inputs([pair_image(left, right)], INSTRUCT)["pixel_values"]
    assert plain.shape == (1, 3, 32, 32)
    moved = (plain - changed).abs().amax(dim=(0, 1, 2))
    assert moved[0] > 0.1
    assert moved[-1] > 0.1


def test_labeler_takes_pairs_of_several_sizes(folder: Path) -> None:
    labeler = LlavaLabeler(LlavaConfig(model=str(folder), device="cpu", batch_size=2))
    pairs = [
        tuple(pictures(2, seed, size)) for seed, size in enumerate([(24, 30), (24, 30), (40, 20)])
    ]
    answers = labeler.answer(labeler.prepare([(first, second) for first, second in pairs]))
    assert len(answers) == 3
    assert all((answer.mean_log_probability or 0) <= 0 for answer in answers)
    assert labeler.answer(labeler.prepare([])) == []


def test_a_labeler_is_named_by_its_weights(folder: Path) -> None:
    labeler = LlavaLabeler(LlavaConfig(model=str(folder), device="cpu"))
    assert re.fullmatch(r"llava:tiny@[0-9a-f]{8}", labeler.name)
    assert labeler.prompt is ANNOTATE


def test_an_adapter_is_merged(folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from labeling.instructions.vision_language.llava import load_llava

    model, _ = load_llava(str(folder), torch.float32)
    adapted = get_peft_model(model, LoraConfig(target_modules=r".*language_model.*q_proj", r=2))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    adapted.save_pretrained(tmp_path / "adapter")
    config = LlavaConfig(model=str(folder), device="cpu")
    plain = load_instruction_model(config)
    merged = load_instruction_model(
        config.model_copy(update={"adapter": str(tmp_path / "adapter")})
    )
    pair = [pair_image(*pictures(2))]
    assert plain.ask(pair, INSTRUCT) != merged.ask(pair, INSTRUCT)
    assert not any("lora" in name for name, _ in merged.model.named_parameters())


@pytest.mark.parametrize("damage", ["absent", "empty", "other kind", "cut short", "incomplete"])
def test_a_model_that_cannot_be_loaded_gives_one_line(
    folder: Path, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "broken"
    if damage != "absent":
        shutil.copytree(folder, path)
    if damage == "empty":
        (path / "config.json").unlink()
    if damage == "other kind":
        (path / "config.json").write_text('{"model_type": "bert"}')
    if damage == "cut short":
        weights = path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    if damage == "incomplete":
        from safetensors.torch import load_file, save_file

        tensors = load_file(path / "model.safetensors")
        tensors.pop(next(name for name in tensors if "q_proj" in name))
        save_file(tensors, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="broken") as caught:
        load_instruction_model(LlavaConfig(model=str(path), device="cpu"))
    assert "\n" not in str(caught.value)


def test_a_hub_name_without_a_network_names_the_download_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE is set.*hf download"):
        load_instruction_model(LlavaConfig(device="cpu"))


def test_an_unknown_device_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="expected auto, cpu"):
        load_instruction_model(LlavaConfig(model=str(folder), device="banana"))


def test_the_benchmark_compares_equal_answers(folder: Path, tmp_path: Path) -> None:
    import torch

    from labeling.benchmark.llava import measure_llava

    busy, faster = measure_llava(str(folder), 3, tmp_path)
    assert (busy.value is not None) == torch.cuda.is_available()
    assert faster.figures["faster"] > 0
    assert faster.figures["pairs"] == 3
    assert faster.figures["same_answers"]
