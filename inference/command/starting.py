"""From settings and a picture to a rollout: which artist, which judge, which first canvas."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from inference.artist.artist import PainterArtist
from inference.command.easel import Easel
from inference.inputs.picture import Picture, load_picture
from inference.official.artist import OfficialArtist, OfficialJudge
from inference.official.framing import padded_image, scaled_size
from inference.official.language import OfficialInstructionModel, asking
from inference.official.noise import DrawnNoise
from inference.rollout.measure import Measure
from inference.rollout.region import RegionConfig
from inference.rollout.rollout import Rollout, paint
from inference.rollout.steering import read_script
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from labeling.instructions.prompt_prefix import PromptPrefix
from training.painter.painter import Painter

POCKET_LARGEST_AREA = 0.4
"""Share of the canvas that a pocket painter paints in one step at most."""


def start(easel: Easel, picture: Picture) -> Rollout:
    """The rollout of a picture that has canvas size already; nothing is painted yet."""
    with easel.explained("encoding the picture"):
        is_official = easel.config.quirks == "official"
        rollout = _official(easel, picture) if is_official else _fixed(easel, picture)
    rollout.explained = easel.explained
    return rollout


def painted(rollout: Rollout, config: InferenceConfig) -> Iterator[Step]:
    """Paint to the end, following the script if the config names one."""
    actions = read_script(Path(config.rollout.script)) if config.rollout.script else []
    return rollout.replay(actions)


def first_canvas(config: InferenceConfig, target: np.ndarray) -> np.ndarray | None:
    """The canvas that the config names, at the target's size; None for white."""
    if not config.rollout.canvas:
        return None
    image = load_picture(Path(config.rollout.canvas), config.picture).image
    height, width = target.shape[:2]
    if image.shape == target.shape:
        return image
    shrinks = image.shape[0] > height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method)


def interval_of(easel: Easel) -> float:
    """Seconds a step: the config's or the painter's own."""
    return easel.config.rollout.interval_s or easel.painter.settings.interval_s


def region_rule(config: InferenceConfig, painter: Painter) -> RegionConfig:
    """The config's rule with the painter's own choices where the config leaves them open."""
    is_official = config.quirks == "official"
    # Without a mask generator the region is the whole canvas, as it was in training.
    has_masks = "MG" not in painter.preset.without
    is_pocket = painter.preset.name == "pocket" and not is_official and has_masks
    own = {
        "thresholds": painter.settings.mask_thresholds,
        "largest_area": POCKET_LARGEST_AREA if is_pocket else 1.0,
        "only_unfinished": is_pocket,
        "look_again": is_official,
    }
    asked = config.region.model_dump(exclude_none=True)
    return RegionConfig.model_validate({**own, **asked})


def without_padding(step: Step, picture: np.ndarray, short_edge_px: int) -> Step:
    """A step of the official rollout as it is kept: black borders cut off."""
    height, width = scaled_size(picture.shape[0], picture.shape[1], short_edge_px)
    inner = (slice(height), slice(width))
    region = dataclasses.replace(step.region, mask=step.region.mask[inner])
    return dataclasses.replace(
        step, current=step.current[inner], next=step.next[inner], region=region,
        difference=step.difference[inner],
    )  # fmt: skip


def _fixed(easel: Easel, picture: Picture) -> Rollout:
    config, painter = easel.config, easel.painter
    artist = PainterArtist(
        painter, picture.image, config.sampling, config.detail, config.rollout.seed
    )
    judge = Measure(easel.perceptual, painter.preset.image_side_px)
    return paint(
        picture.image, artist, judge, interval_of(easel), region_rule(config, painter),
        config.stop, first_canvas(config, picture.image),
    )  # fmt: skip


def _official(easel: Easel, picture: Picture) -> Rollout:
    config, painter, image = easel.config, easel.painter, picture.image
    short = painter.preset.image_side_px
    prefix = PromptPrefix()

    def model() -> OfficialInstructionModel:
        return OfficialInstructionModel(
            painter.part("instruction_model"), painter.part("instruction_processor"), 512, prefix
        )

    artist = OfficialArtist(
        painter, image, asking(model), DrawnNoise(config.rollout.seed, painter.dtype),
        {**painter.settings.guidance, **config.sampling.guidance},
        config.sampling.num_steps or painter.settings.num_steps, config.sampling.blended_share,
    )  # fmt: skip
    lpips = easel.perceptual

    def rounded(pixels: Tensor) -> Tensor:
        return pixels.to(painter.device, painter.dtype).float()

    judge = OfficialJudge(
        image,
        short,
        lambda a, b: lpips.map_of(rounded(a), rounded(b)),
        lambda a, b: lpips.distance_of(rounded(a), rounded(b)),
    )
    first = first_canvas(config, image)
    first = np.full_like(image, 255) if first is None else first
    return paint(
        padded_image(image, short), artist, judge, interval_of(easel),
        region_rule(config, painter), config.stop, padded_image(first, short),
    )  # fmt: skip
