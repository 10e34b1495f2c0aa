"""Writes a painter folder of random weights, which the memory benchmark loads like a trained one.

Networks are built on the meta device and their files are filled afterwards, because initialising 7
billion weights takes too long.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from inference.benchmark.networks import small_preset, small_vae
from inference.memory.weight_bytes import DTYPES
from training.networks.language import LanguageConfig, build_processor
from training.networks.presets import PAPER, Preset, UNetSize, ablated
from training.painter.folder import ALL_PARTS, PainterSettings, class_of, save_part, write_index
from training.painter.parts import build_part

Size = Literal["small", "full"]
"""full: the published sizes; small: narrow networks at the published canvas size."""
Write = Callable[[Mapping[str, Tensor], Path, torch.dtype], None]
"""Writes the tensors of a state dict to a safetensors file in a number format."""
WEIGHT_STD = 0.02
"""Standard deviation of all random weights, so small that no network overflows in half
precision."""
NARROW_LLAVA = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
}  # fmt: skip
"""Sizes of vision tower and language model of a small LLaVA."""
CLIP_L = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    "num_attention_heads": 16,
}  # fmt: skip
"""Sizes of CLIP-L, the vision tower of LLaVA-1.5."""
NARROW_UNET = UNetSize(
    channels=(32, 64, 64, 64),
    attention=(False, True, True, False),
    layers_per_block=2,
    heads=8,
    norm_groups=32,
)
"""A UNet of a tenth of SD 1.5's width, so that at 512 px canvases and not weights fill the memory.
Its first level has no attention, which would take minutes on a CPU."""


def write_random_painter(
    folder: Path, size: Size, dtype: torch.dtype, with_language: bool, sparse: bool = False
) -> PainterSettings:
    """Write a painter of the published architecture, at full size or with small networks at the
    published canvas size.

    Args:
        sparse: write headers only and leave holes for the weights: for planning, not for loading.
    """
    write = _write_sparse if sparse else _write_random
    preset = PAPER if size == "full" else _narrow_preset()
    if not with_language:
        preset = ablated(preset, ["TG"])
    torch.manual_seed(0)
    classes: dict[str, list[str]] = {}
    for name in (n for n in ALL_PARTS if not n.startswith("instruction")):
        part = _without_weights(name, preset, size)
        classes[name] = class_of(part)
        _write(part, folder / name, dtype, write)
    if with_language:
        classes |= _write_language(folder, size, dtype, write)
    settings = PainterSettings(preset=preset, num_steps=25, guidance=preset.guidance)
    write_index(folder, classes, settings)
    return settings


def _narrow_preset() -> Preset:
    return small_preset().model_copy(
        update={"image_side_px": 512, "unet": NARROW_UNET, "mask_unet": NARROW_UNET}
    )


def _without_weights(name: str, preset: Preset, size: Size) -> Any:
    if name in ("scheduler", "tokenizer"):
        return build_part(name, preset)
    with torch.device("meta"):
        return small_vae() if name == "vae" and size == "small" else build_part(name, preset)


def _write(part: Any, folder: Path, dtype: torch.dtype, write: Write) -> None:
    """Write config and weights of a network; other parts save themselves."""
    if not isinstance(part, torch.nn.Module):
        save_part(part, folder)
        return
    folder.mkdir(parents=True)
    network: Any = part
    is_diffusers = hasattr(network, "save_config")
    (network.save_config if is_diffusers else network.config.save_pretrained)(folder)
    name = "diffusion_pytorch_model" if is_diffusers else "model"
    write(part.state_dict(), folder / f"{name}.safetensors", dtype)


def _write_random(state: Mapping[str, Tensor], file: Path, dtype: torch.dtype) -> None:
    weights = {}
    for name, tensor in state.items():
        becomes = dtype if tensor.is_floating_point() else tensor.dtype
        weights[name] = torch.empty(tensor.shape, dtype=becomes)
        if tensor.is_floating_point():
            weights[name].normal_(std=WEIGHT_STD)
        else:
            weights[name].zero_()
    save_file(weights, file, metadata={"format": "pt"})


def _write_sparse(state: Mapping[str, Tensor], file: Path, dtype: torch.dtype) -> None:
    """Write a safetensors file without weights: length of the header, header, and a hole."""
    names = {value: key for key, value in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in state.items():
        becomes = dtype if tensor.is_floating_point() else tensor.dtype
        start, end = end, end + tensor.numel() * becomes.itemsize
        header[name] = {
            "dtype": names[becomes], "shape": list(tensor.shape), "data_offsets": [start, end],
        }  # fmt: skip
    text = json.dumps(header).encode()
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + end)


def _write_language(
    folder: Path, size: Size, dtype: torch.dtype, write: Write
) -> dict[str, list[str]]:
    """Write a LLaVA of random weights: LLaVA-1.5-7B's sizes, or four narrow layers."""
    language = LanguageConfig(image_px=336, patch_px=14)
    processor = build_processor(language)
    tokenizer = processor.tokenizer
    sizes: dict[str, Any] = {} if size == "full" else NARROW_LLAVA
    vision: dict[str, Any] = CLIP_L if size == "full" else NARROW_LLAVA
    # Type stubs miss image_token_id, and take keyword arguments for those they know.
    make, make_vision, make_text = cast(
        "tuple[Any, Any, Any]", (LlavaConfig, CLIPVisionConfig, LlamaConfig)
    )
    config = make(
        vision_config=make_vision(image_size=336, patch_size=14, **vision),
        text_config=make_text(
            vocab_size=32064,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **sizes,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="default",
        image_seq_length=576,
    )
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    _write(model, folder / "instruction_model", dtype, write)
    save_part(processor, folder / "instruction_processor")
    return {"instruction_model": class_of(model), "instruction_processor": class_of(processor)}
