"""Sizes of every network in the two presets, `paper` and `pocket`; both use the same classes.

`paper` is the published system (its checkpoints fit tensor by tensor). `pocket` is small enough to
be trained from random weights on a CPU in minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError

Ablation = Literal["TE", "TG", "MG", "RN", "CE"]
"""What the paper's table 1 leaves out: time embedding, text generator, mask generator, ReferenceNet
(the target then enters the canvas encoder), next-image token (CE)."""


class UNetSize(Config):
    """Shape of a `UNet2DConditionModel`."""

    channels: tuple[int, ...]
    """Width of each level, finest first."""
    attention: tuple[bool, ...]
    """Which levels have transformer blocks."""
    layers_per_block: int
    """Residual blocks a level."""
    heads: int
    """Attention heads, the same number at every level."""
    norm_groups: int
    """Groups of every group norm."""


class TowerSize(Config):
    """Shape of a CLIP tower (image or text)."""

    width: int
    """Hidden size; for text it is the width of every token."""
    layers: int
    """Transformer layers."""
    heads: int
    """Attention heads."""
    feed_forward: int
    """Width between the two layers of each MLP."""


class Preset(Config):
    """Which networks are built, their sizes, and how they are used."""

    name: Literal["paper", "pocket"]
    """The preset's own name."""
    image_side_px: int
    """Short side of the canvas that the networks see."""
    pad_multiple_px: int = 16
    """Canvases are padded at right and bottom to a multiple of it."""
    padding: Literal["black", "edge"]
    """What the padding shows; the published system pads black."""
    codec: Literal["vae", "pixels"]
    """vae: `AutoencoderKL`; pixels: `PixelCodec`, nothing to train."""
    latent_channels: int
    """Channels of a latent image, at 1/8 of the image's size."""
    output: Literal["noise", "canvas_change"]
    """noise: the UNet predicts the noise. canvas_change: how far each latent pixel moves from the
    canvas towards the target, plus a correction (`training.networks.denoiser`)."""
    prediction_type: Literal["epsilon", "v_prediction"]
    """Prediction type that the sampler gets, whatever the UNet predicts."""
    unet: UNetSize
    """Denoising UNet and ReferenceNet."""
    mask_unet: UNetSize
    """The UNet of the mask generator."""
    token_width: int
    """Width of every conditioning token (cross attention)."""
    time_hidden: tuple[int, int]
    """Hidden widths of the time encoder."""
    next_image_hidden: tuple[int, int]
    """Hidden widths of the next-image adapter."""
    canvas_channels: tuple[int, int, int, int, int]
    """Widths of the canvas encoder: first convolution, three halvings, last convolution."""
    sees_target: bool
    """The target also enters the canvas encoder (the paper's "-RN" path, here beside RN)."""
    image_tower: TowerSize
    """CLIP vision tower."""
    image_tower_px: int
    """Side of the square that it sees."""
    image_tower_patch_px: int
    """Side of its patches."""
    image_tower_crop: bool
    """Crop the centre square, as CLIP does, instead of squeezing the whole picture into it."""
    train_image_tower: bool
    """Trained with the renderer; the published one is frozen."""
    text_tower: TowerSize
    """CLIP text encoder; always frozen."""
    text_tokens: int
    """Length to which instructions are padded."""
    mask_blocks: bool
    """The renderer learns with masks in blocks of 8 px, as the mask generator will give them."""
    mask_downscaling: Literal["nearest", "area"]
    """How masks are scaled to latent size for the mask generator."""
    without: tuple[Ablation, ...] = ()
    """Left out of every network: always dropped, in training and while painting."""
    num_steps: int
    """Denoising steps of one canvas update."""
    guidance: dict[str, float] = Field(default_factory=dict)
    """Guidance scales; 1 everywhere needs one UNet pass a step only."""


PAPER = Preset(
    name="paper",
    image_side_px=512,
    padding="black",
    codec="vae",
    latent_channels=4,
    output="noise",
    prediction_type="epsilon",
    unet=UNetSize(
        channels=(320, 640, 1280, 1280),
        attention=(True, True, True, False),
        layers_per_block=2,
        heads=8,
        norm_groups=32,
    ),
    mask_unet=UNetSize(
        channels=(320, 640, 1280, 1280),
        attention=(True, True, True, False),
        layers_per_block=2,
        heads=8,
        norm_groups=32,
    ),
    token_width=768,
    time_hidden=(256, 512),
    next_image_hidden=(1024, 512),
    canvas_channels=(3, 16, 32, 64, 128),
    sees_target=False,
    image_tower=TowerSize(width=768, layers=12, heads=12, feed_forward=3072),
    image_tower_px=224,
    image_tower_patch_px=32,
    image_tower_crop=True,
    train_image_tower=False,
    text_tower=TowerSize(width=768, layers=12, heads=12, feed_forward=3072),
    text_tokens=77,
    mask_blocks=False,
    mask_downscaling="nearest",
    num_steps=25,
    guidance={"image": 2.0, "canvas": 1.0, "time": 5.0, "mask": 5.0, "text": 5.0},
)
"""Sizes and guidance scales of the published system."""

POCKET = Preset(
    name="pocket",
    image_side_px=256,
    padding="edge",
    codec="pixels",
    latent_channels=3,
    output="canvas_change",
    prediction_type="v_prediction",
    unet=UNetSize(
        channels=(24, 48, 64),
        attention=(False, False, True),
        layers_per_block=1,
        heads=4,
        norm_groups=8,
    ),
    mask_unet=UNetSize(
        channels=(24, 48, 64),
        attention=(False, True, True),
        layers_per_block=1,
        heads=4,
        norm_groups=8,
    ),
    token_width=64,
    time_hidden=(64, 64),
    next_image_hidden=(128, 64),
    canvas_channels=(4, 8, 16, 32, 64),
    sees_target=True,
    image_tower=TowerSize(width=64, layers=2, heads=4, feed_forward=128),
    image_tower_px=64,
    image_tower_patch_px=16,
    image_tower_crop=False,
    train_image_tower=True,
    text_tower=TowerSize(width=64, layers=1, heads=4, feed_forward=128),
    text_tokens=8,
    mask_blocks=True,
    mask_downscaling="area",
    num_steps=6,
    guidance={"image": 1.0, "canvas": 1.0, "time": 1.0, "mask": 1.0, "text": 1.0},
)
"""Sizes of the small system, for training on a CPU."""


def preset_named(name: str) -> Preset:
    """The preset of that name. Raises UserError for another name."""
    found = {"paper": PAPER, "pocket": POCKET}.get(name)
    if found is None:
        raise UserError(f"preset {name!r} is not known: choose paper or pocket")
    return found


def ablated(preset: Preset, without: Sequence[Ablation]) -> Preset:
    """The preset without some conditions or parts. Without the ReferenceNet the canvas encoder sees
    the target, as in the paper's "-RN"."""
    names = tuple(name for name in get_args(Ablation) if name in without)
    sees_target = preset.sees_target or "RN" in names
    return preset.model_copy(update={"without": names, "sees_target": sees_target})
