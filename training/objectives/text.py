"""Training objective of the instruction generator g_text (paper section 3.1).

A LLaVA gets a pair image (current canvas | target) and the paper's question p; the loss is the
cross entropy of the answer's tokens. The paper adapts LLaVA-1.5-7B by LoRA; the pocket preset
trains a LLaVA of half a million parameters from random weights. Only the settings differ.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from labeling.devices import pick_device
from labeling.instructions.vision_language.instruction_model import InstructionModel
from labeling.instructions.vision_language.llava import LlavaConfig, load_instruction_model
from labeling.instructions.vision_language.prompts import INSTRUCT, pair_image
from training.loop.config import LoopConfig
from training.networks.language import LanguageConfig, build_instruction_model
from training.networks.lora import LoraSettings, add_lora
from training.painter.folder import PARTS_OF, PainterSettings, read_painter_folder
from training.painter.pretrained import local_parts
from training.streaming.batch import Batch

IGNORED = -100
"""Label of tokens that are not part of the answer; torch's cross entropy ignores it."""


class TextConfig(Config):
    """Training of the instruction model."""

    loop: LoopConfig = LoopConfig(batch_size=16, learning_rate=1e-3, weight_decay=0.05)
    """Settings of the training loop."""
    base: str = ""
    """Folder or hub name of the LLaVA to adapt (paper: llava-hf/llava-1.5-7b-hf), or a painter
    folder whose instruction model is trained further; empty: a pocket model of random weights,
    which the paper preset refuses. An instruction model in `initial` goes before it."""
    image_side_px: int = Field(default=128, ge=0)
    """Short side of the canvases in a pair image: the pocket model sees no more than
    language.image_px, and small canvases load faster. 0: the preset's."""
    language: LanguageConfig = LanguageConfig()
    """Size of the pocket model."""
    lora: LoraSettings = LoraSettings()
    """Low-rank adaptation of a trained model from `initial` or `base`."""
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    """Label smoothing of the cross entropy: share of probability spread over all tokens (paper:
    0)."""
    flip: bool = True
    """Mirror canvas and target of half the samples (paper: no)."""
    crop: float = Field(default=0.15, ge=0, lt=0.5)
    """Largest random share that is cropped from every side of canvas and target (paper: 0). It
    prevents overfitting to few paintings."""
    colour_jitter: float = Field(default=0.1, ge=0)
    """Standard deviation of a random gain and shift of each colour, the same for canvas and target,
    in units of the range [-1, 1] (paper: 0)."""
    preview_samples: int = Field(default=6, ge=1)
    """Number of samples of the preview."""


class TextObjective:
    """Trains the instruction model; implements `training.loop.objective.Objective`."""

    name = "text"

    def __init__(self, instruction_model: InstructionModel, config: TextConfig) -> None:
        self.instruction_model, self.config = instruction_model, config

    def parts(self) -> dict[str, Any]:
        made = self.instruction_model
        return {"instruction_model": made.model, "instruction_processor": made.processor}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of the tokens of the answers and their end marks; in training mode on
        augmented pairs. Also logs the accuracy of the first answer token."""
        model: Any = self.instruction_model.model
        smoothing = self.config.label_smoothing if model.training else 0.0
        pairs = augmented_pairs(batch, self.config) if model.training else plain_pairs(batch)
        device = next(model.parameters()).device
        questions = self.instruction_model.inputs(pairs, INSTRUCT)
        questions = {name: tensor.to(device) for name, tensor in questions.items()}
        inputs, labels = with_answers(self.instruction_model, questions, batch)
        length = labels.shape[1]
        logits = model(**inputs, logits_to_keep=length + 1).logits[:, :-1].float()
        loss = functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, label_smoothing=smoothing
        )
        right = logits.detach()[:, 0].argmax(dim=-1) == labels[:, 0]
        return {"loss": loss, "accuracy": right.float().mean()}

    def preview(self, batch: Batch) -> np.ndarray:
        """Rows of pair images with the true instruction and the model's answer."""
        pairs = plain_pairs(batch)[: self.config.preview_samples]
        answers = self.instruction_model.ask(pairs, INSTRUCT)
        rows = []
        for pair, truth, answer in zip(pairs, batch.instructions, answers, strict=False):
            height = round(384 * pair.shape[0] / pair.shape[1])
            row = cv2.resize(pair, (384, height), interpolation=cv2.INTER_AREA)
            caption = np.full((20, 384, 3), 255, np.uint8)
            text = f"{truth} / {answer.text} ({answer.confidence:.2f})"
            colour = (0, 110, 0) if answer.text == truth else (170, 0, 0)
            cv2.putText(caption, text, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1)
            rows += [row, caption]
        return np.concatenate(rows)


def build_text_objective(
    text: TextConfig, start: str, settings: PainterSettings, device: str, seed: int
) -> TextObjective:
    """The objective with its network on the configured device.

    Args:
        start: folder or hub name of a LLaVA, or a painter folder; empty: random weights.
        device: `training.device`.
        seed: of the random weights.

    Raises:
        UserError: a start that does not load, the paper preset without one, or LoRA targets that
            match no layer.
    """
    if "TG" in settings.preset.without:
        raise UserError("training.without says TG, so there is no text generator to train")
    if start:
        made = _trained_model(start, text, device)
    elif settings.preset.name == "paper":
        raise UserError(
            "the paper preset adapts a trained LLaVA: give its folder or hub name with "
            "--set training.text.base=llava-hf/llava-1.5-7b-hf or a painter with "
            "training.initial, or train the pocket preset"
        )
    else:
        model, processor = build_instruction_model(text.language, seed)
        network: Any = model
        made = InstructionModel(network.to(pick_device(device)), processor)
    network = made.model
    if text.lora.rank:
        if not start:
            raise UserError(
                "training.text.lora.rank adapts a trained network, but training.text.base and "
                "training.initial name none: give a LLaVA or a painter, or set the rank to 0"
            )
        add_lora(network, text.lora, "training.text.lora")
    else:
        network.requires_grad_(True)
    return TextObjective(made, text)


def _trained_model(start: str, text: TextConfig, device: str) -> InstructionModel:
    """The LLaVA to adapt: a folder or hub name of transformers' layout, or a painter folder."""
    # Frozen weights may have the precision of the computation; trained weights need float32.
    frozen = bool(text.lora.rank) and text.loop.precision == "bf16"
    dtype = "bfloat16" if frozen else "float32"
    folder = local_parts(start)
    if not (folder / "painter.json").is_file():
        asked = LlavaConfig(model=start, device=device, dtype=dtype)
        return load_instruction_model(asked)
    parts, _ = read_painter_folder(folder, PARTS_OF["text"])
    network: Any = parts["instruction_model"].to(pick_device(device), getattr(torch, dtype))
    return InstructionModel(network, parts["instruction_processor"])


def with_answers(
    instruction_model: InstructionModel, inputs: dict[str, Tensor], batch: Batch
) -> tuple[dict[str, Tensor], Tensor]:
    """Append each sample's instruction and an end mark to its question.

    Returns:
        The network's inputs, and labels (B, T) of the last T tokens, padded with `IGNORED`.
    """
    tokenizer, device = instruction_model.tokenizer, inputs["input_ids"].device
    for key, text in zip(batch.keys, batch.instructions, strict=True):
        if not text:
            raise UserError(
                f"sample {key} has no instruction, and the text network learns instructions: leave "
                "it out of the shards (sessions of painters without words have such samples)"
            )
    answers = [
        [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
        for text in batch.instructions
    ]
    length = max(map(len, answers))
    padded = [ids + [tokenizer.pad_token_id] * (length - len(ids)) for ids in answers]
    tokens = torch.tensor(padded, device=device)
    places = torch.arange(length, device=device)
    kept = places < torch.tensor([[len(ids)] for ids in answers], device=device)
    mask = inputs["attention_mask"]
    extended = {
        **inputs,
        "input_ids": torch.cat([inputs["input_ids"], tokens], dim=1),
        "attention_mask": torch.cat([mask, kept.to(mask.dtype)], dim=1),
    }
    return extended, tokens.masked_fill(~kept, IGNORED)


def plain_pairs(batch: Batch) -> list[np.ndarray]:
    """The batch's pair images without augmentation, RGB uint8 (H, 2 W, 3)."""
    return [
        pair_image(_uint8(current), _uint8(target))
        for current, target in zip(batch.current, batch.target, strict=True)
    ]


def augmented_pairs(batch: Batch, config: TextConfig) -> list[np.ndarray]:
    """`plain_pairs`, randomly cropped, mirrored and recoloured by each sample's seed; pairs have
    different sizes."""
    height, width = batch.current.shape[-2:]
    pairs = []
    for current, target, generator in zip(
        batch.current, batch.target, batch.generators(), strict=True
    ):
        cut = (torch.rand(4, generator=generator) * config.crop).tolist()
        mirror, change = torch.rand(1, generator=generator), torch.randn(2, 3, generator=generator)
        rows = slice(int(cut[0] * height), height - int(cut[1] * height))
        columns = slice(int(cut[2] * width), width - int(cut[3] * width))
        both = torch.stack([current, target])[:, :, rows, columns]
        if config.flip and float(mirror) < 0.5:
            both = both.flip(3)
        gain, shift = (change * config.colour_jitter).to(both.device)[:, :, None, None]
        both = both * (1 + gain) + shift
        pairs.append(pair_image(_uint8(both[0]), _uint8(both[1])))
    return pairs


def _uint8(rgb: Tensor) -> np.ndarray:
    """(3, H, W) in [-1, 1] to uint8 (H, W, 3)."""
    scaled = ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(1, 2, 0).cpu().numpy()
