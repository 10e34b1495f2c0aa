"""The classes that a painter folder may name for each part.

An index is data of others: whatever else it names is refused before anything is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ingest.conventions.errors import UserError

UNET = ("diffusers.UNet2DConditionModel",)
TIME_ENCODER = ("training.networks.time_encoder.TimeEncoder",)
TEXT_ENCODER = ("transformers.CLIPTextModel",)
PART_CLASSES: dict[str, tuple[str, ...]] = {
    "unet": UNET,
    "mask_unet": UNET,
    "reference_unet": UNET,
    "time_encoder": TIME_ENCODER,
    "mask_time_encoder": TIME_ENCODER,
    "text_encoder": TEXT_ENCODER,
    "mask_text_encoder": TEXT_ENCODER,
    "vae": ("diffusers.AutoencoderKL", "training.networks.pixel_codec.PixelCodec"),
    "canvas_encoder": ("training.networks.canvas_encoder.CanvasEncoder",),
    "next_image_adapter": ("training.networks.next_image.NextImageAdapter",),
    "image_encoder": ("transformers.CLIPVisionModel",),
    "tokenizer": (
        "transformers.CLIPTokenizer", "transformers.CLIPTokenizerFast",
        "transformers.TokenizersBackend", "transformers.PreTrainedTokenizerFast",
    ),
    "instruction_model": ("transformers.LlavaForConditionalGeneration",),
    "instruction_processor": ("transformers.LlavaProcessor",),
    "scheduler": tuple(
        f"diffusers.{name}Scheduler"
        for name in (
            "EulerAncestralDiscrete", "EulerDiscrete", "DDIM", "DDPM", "DPMSolverMultistep",
            "DPMSolverSinglestep", "HeunDiscrete", "LMSDiscrete", "PNDM", "UniPCMultistep",
            "KDPM2Discrete", "KDPM2AncestralDiscrete", "DEISMultistep",
        )
    ),
}  # fmt: skip
"""Library (or module of ours) and class by part."""


def check_part_classes(classes: Mapping[str, list[str]], index: Path) -> None:
    """Raises UserError if `classes` (library and class by part, from the file `index`) names
    a part or class that is not in `PART_CLASSES`. Imports nothing."""
    for name, found in classes.items():
        if name not in PART_CLASSES:
            raise UserError(
                f"{index}: unknown part {str(name)[:80]!r}, expected some of "
                f"{', '.join(PART_CLASSES)}: remove it, or put the painter together again"
            )
        text = ".".join(str(item) for item in found)
        if len(found) != 2 or text not in PART_CLASSES[name]:
            raise UserError(
                f"{index}: part {name!r} names the class {text[:80]!r}, which a painter may not "
                f"load: expected {' or '.join(PART_CLASSES[name])}; put the painter together again"
            )
