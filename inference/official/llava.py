"""Converts the release's language model, a LLaVA-1.5 in its authors' or in transformers' layout, to
painter parts.

LLaVA's own layout has the tensor names of a Llama, with projector and vision tower added. Merged
checkpoints may lack the vision tower, which was frozen; then CLIP-L/14-336 is read from another
folder. Files are converted one by one.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoTokenizer,
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from ingest.conventions.errors import UserError

RENAMED = (
    ("model.vision_tower.vision_tower.vision_model.", "vision_tower.vision_model."),
    ("model.mm_projector.0.", "multi_modal_projector.linear_1."),
    ("model.mm_projector.2.", "multi_modal_projector.linear_2."),
    ("lm_head.", "language_model.lm_head."),
    ("model.", "language_model.model."),
)
"""Name prefixes of LLaVA and those of transformers; the first match counts."""
ROUND_TO = 64
"""The vocabulary, with two added tokens (image and padding), is filled to a multiple of this."""
VISION_PREFIX = "vision_tower.vision_model."
"""Name prefix of the vision tower's tensors."""
TOWER = ("embeddings.", "encoder.layers.", "pre_layrnorm.", "post_layernorm.")
"""Name prefixes of tensors inside a CLIP vision tower."""
IGNORED = ("rotary_emb.inv_freq", "embeddings.position_ids")
"""Suffixes of buffers in older exports that are computed, not learned."""
PARTS = {
    "instruction_model": ["transformers", "LlavaForConditionalGeneration"],
    "instruction_processor": ["transformers", "LlavaProcessor"],
}
"""Library and class of the parts, as in `model_index.json`."""


def import_llava(
    folder: Path, vision: Path | None, out: Path, say: Callable[[str], None]
) -> dict[str, list[str]]:
    """Write ``instruction_model`` and ``instruction_processor`` into `out`; returns their classes.

    Args:
        folder: the merged LLaVA.
        vision: CLIP-L/14-336, needed where `folder` has no vision tower.

    Raises:
        UserError: a file is missing or damaged, or a tensor is missing, unexpected or misshapen.
    """
    config = _json(folder / "config.json")
    model_out = out / "instruction_model"
    model_out.mkdir(parents=True)
    if "text_config" in config:
        _copy(folder, out)
    else:
        _convert(folder, vision, config, out)
    _check(model_out, folder)
    say("instruction_model: LLaVA")
    return PARTS


def _copy(folder: Path, out: Path) -> None:
    """Copy a folder of transformers' layout; pickled weights become safetensors."""
    for number, (file, tensors) in enumerate(_shards(folder)):
        target = out / "instruction_model" / f"model-{number:05d}.safetensors"
        if file.suffix == ".safetensors":
            shutil.copyfile(file, target)
        else:
            save_file(tensors(), target, metadata={"format": "pt"})
    for name in ("config.json", "generation_config.json"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / "instruction_model" / name)
    _write_index(out / "instruction_model")
    LlavaProcessor.from_pretrained(folder).save_pretrained(out / "instruction_processor")


def _convert(folder: Path, vision: Path | None, config: Mapping[str, Any], out: Path) -> None:
    """Convert a folder of LLaVA's own layout."""
    model_out = out / "instruction_model"
    text = LlamaConfig(
        **{k: v for k, v in config.items() if not k.startswith(("mm_", "model_type"))}
    )
    text.vocab_size = -(-(text.vocab_size + 2) // ROUND_TO) * ROUND_TO
    has_vision, number = False, 0
    for number, (_, tensors) in enumerate(_shards(folder)):
        state = {}
        for name, tensor in tensors().items():
            if name.endswith(IGNORED):
                continue
            ours = next((n + name[len(o) :] for o, n in RENAMED if name.startswith(o)), name)
            if ours.endswith(("embed_tokens.weight", "lm_head.weight")):
                tensor = _filled(tensor, text.vocab_size)
            state[ours] = tensor.contiguous()
            has_vision |= ours.startswith(VISION_PREFIX)
        save_file(state, model_out / f"model-{number:05d}.safetensors", metadata={"format": "pt"})
    tower = CLIPVisionConfig(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24,
                             num_attention_heads=16, image_size=336, patch_size=14)  # fmt: skip
    if vision is not None:
        given = _json(vision / "config.json")
        tower = CLIPVisionConfig(**given.get("vision_config", given))
    if not has_vision:
        _vision_shard(vision, folder, model_out / f"model-{number + 1:05d}.safetensors")
    _write_index(model_out)
    processor = _processor(folder, tower, text.vocab_size)
    processor.save_pretrained(out / "instruction_processor")
    tokenizer: Any = processor.tokenizer  # pyright: ignore[reportAttributeAccessIssue]
    make: Any = LlavaConfig  # its type stubs miss image_token_id
    make(
        vision_config=tower,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=config.get("mm_vision_select_layer", -2),
        image_seq_length=(_side_px(tower.image_size) // _side_px(tower.patch_size)) ** 2,
    ).save_pretrained(model_out)


def _processor(folder: Path, tower: CLIPVisionConfig, vocabulary: int) -> LlavaProcessor:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}: its tokenizer does not load ({reason}): a tokenizer.model needs "
            "`pip install sentencepiece protobuf`"
        ) from error
    tokenizer.add_tokens(["<image>", "<pad>"], special_tokens=True)
    tokenizer.pad_token, tokenizer.padding_side = "<pad>", "left"
    if len(tokenizer) > vocabulary:
        raise UserError(f"{folder}: {len(tokenizer)} words for a network of {vocabulary}")
    side_px = _side_px(tower.image_size)
    images = CLIPImageProcessor(
        size={"shortest_edge": side_px}, crop_size={"height": side_px, "width": side_px}
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=tower.patch_size,
        num_additional_image_tokens=1,
        vision_feature_select_strategy="default",
    )


def _side_px(size: object) -> int:
    """Side of a vision tower's image or patch. Raises UserError for a shape that is not square."""
    if not isinstance(size, int):
        raise UserError(f"a vision tower with sides of {size!r} px: expected one number (CLIP)")
    return size


def _vision_shard(vision: Path | None, folder: Path, target: Path) -> None:
    if vision is None:
        raise UserError(
            f"{folder} has no vision tower (it was frozen): give the folder or hub name of "
            "openai/clip-vit-large-patch14-336 as --llava-vision"
        )
    state = {}
    for _, tensors in _shards(vision):
        for name, tensor in tensors().items():
            # transformers 5 saves a tower alone without the prefix that a whole CLIP has.
            inner = name.removeprefix("vision_model.")
            if inner.startswith(TOWER) and not inner.endswith(IGNORED):
                state[f"{VISION_PREFIX}{inner}"] = tensor.contiguous()
    save_file(state, target, metadata={"format": "pt"})


def _filled(tensor: Tensor, rows: int) -> Tensor:
    """The embedding with rows for the added tokens: the mean row; no text uses them."""
    mean = tensor.float().mean(dim=0, keepdim=True).to(tensor.dtype)
    return torch.cat([tensor, mean.expand(rows - len(tensor), -1)])


def _shards(folder: Path) -> Iterator[tuple[Path, Callable[[], dict[str, Tensor]]]]:
    """Weight files of a folder, each with a function that reads it; safetensors are preferred."""
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        files = sorted(folder.glob(pattern))
        for file in files:
            yield file, lambda file=file: _tensors(file)
        if files:
            return
    raise UserError(f"{folder} holds no weights: expected *.safetensors or pytorch_model*.bin")


def _tensors(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        return dict(torch.load(file, map_location="cpu", mmap=True, weights_only=True))
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{file} is damaged or holds more than tensors ({reason})") from error


def _write_index(folder: Path) -> None:
    """Write model.safetensors.index.json over the shards."""
    weight_map: dict[str, str] = {}
    for file in sorted(folder.glob("model-*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            weight_map |= dict.fromkeys(opened.keys(), file.name)
    text = json.dumps({"metadata": {}, "weight_map": weight_map}, indent=1)
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def _check(folder: Path, source: Path) -> None:
    """Raises UserError if a tensor of the architecture is missing, unexpected or misshapen."""
    config = AutoConfig.from_pretrained(folder)
    if not isinstance(config, LlavaConfig):
        raise UserError(f"{source} is a {config.model_type!r} model: expected a LLaVA")
    with torch.device("meta"):
        wanted = {
            n: tuple(t.shape) for n, t in LlavaForConditionalGeneration(config).state_dict().items()
        }
    given: dict[str, tuple[int, ...]] = {}
    for file in folder.glob("model-*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            given |= {
                _current(n): tuple(opened.get_slice(n).get_shape())
                for n in opened.keys()  # noqa: SIM118
                if not n.endswith(IGNORED)
            }
    faults = [f"missing {n}" for n in wanted if n not in given]
    faults += [f"unexpected {n}" for n in given if n not in wanted]
    faults += [
        f"{n} is {given[n]}, expected {wanted[n]}"
        for n in wanted
        if given.get(n, wanted[n]) != wanted[n]
    ]
    if faults:
        raise UserError(
            f"{source} does not fit LLaVA ({len(faults)} tensors): {'; '.join(faults[:200])}"
        )


def _current(name: str) -> str:
    """Name in transformers 5 of a tensor that a LLaVA folder stores."""
    for old, new in (
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model.language_model."),
        ("vision_tower.vision_model.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
    ):
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"{path} is not there: give a LLaVA or CLIP folder") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error})") from error
