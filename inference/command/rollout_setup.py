"""Builds the rollout of a picture from the settings: artist, metric, first canvas, region rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
from torch import Tensor

from inference.artist.painting_state import DetailSettings
from inference.artist.planned.orders import find_order, order_artist
from inference.artist.rivals.rival import RivalTask
from inference.artist.rivals.rivals import find_rival, start_rival
from inference.command.painting_context import (
    RIVAL_PRESET,
    STROKES_PRESET,
    PaintingContext,
)
from inference.command.painting_result import Painting
from inference.command.steering_actions import first_canvas, steering_actions
from inference.inputs.picture import Picture
from inference.official.resizing import padded_image
from inference.rollout.finish import FinishConfig
from inference.rollout.lpips_metric import LpipsMetric
from inference.rollout.region import RegionConfig
from inference.rollout.rollout import Rollout
from inference.rollout.steps import Step
from inference.rollout.stop import StopConfig
from inference.settings import InferenceConfig
from ingest.format.images import resize_short_side
from labeling.instructions.vision_language.prompt_prefix import PromptPrefix
from training.painter.painter import Painter
from training.rivals.folder import read_rival

POCKET_LARGEST_AREA = 0.4
"""Largest share of the canvas in a region of a pocket painter (default of `largest_area`)."""
WHOLE = RegionConfig(thresholds=(0.5,), largest_area=1.0, only_unfinished=False)
"""The rule of artists that choose their regions themselves."""


def start_rollout(context: PaintingContext, picture: Picture) -> Painting:
    """The rollout of a picture of canvas size; nothing is painted yet."""
    with context.explain_out_of_memory("encoding the picture"):
        is_official = context.config.quirks == "official"
        # A pipeline has networks, whatever its config says of a painter.
        if context.record.preset == STROKES_PRESET:
            rollout = _stroke_rollout(context, picture)
        elif context.record.preset == RIVAL_PRESET:
            rollout = _rival_rollout(context, picture)
        elif is_official:
            rollout = _official_rollout(context, picture)
        else:
            rollout = _fixed_rollout(context, picture)
    rollout.error_context = context.explain_out_of_memory
    return rollout


def resized_to_canvas(picture: Picture, context: PaintingContext) -> Picture:
    """The picture at network size if no detail is carried over; else unchanged."""
    preset = context.painter.preset
    is_official = context.config.quirks == "official"
    if context.record.preset in (STROKES_PRESET, RIVAL_PRESET):
        return picture
    if is_official or DetailSettings.resolved(context.config.detail, preset).carries_detail:
        return picture
    image = resize_short_side(picture.image, preset.image_side_px)
    return dataclasses.replace(picture, image=image)


def paint_with_script(rollout: Rollout, config: InferenceConfig) -> Iterator[Step]:
    """Paint to the end, steered as the config says."""
    return rollout.replay(steering_actions(config))


def interval_of(context: PaintingContext) -> float:
    """Seconds of one step: the config's or the painter's own."""
    return context.config.rollout.interval_s or context.painter.settings.interval_s


def resolved_region_config(config: InferenceConfig, painter: Painter) -> RegionConfig:
    """The region config with the painter's values in place of null."""
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


def _fixed_rollout(context: PaintingContext, picture: Picture) -> Painting:
    # Here, since paintings in strokes need no networks, which take seconds to import.
    from inference.artist.artist import PainterArtist

    config, painter = context.config, context.painter
    artist = PainterArtist(
        painter, picture.image, config.sampling, config.detail, config.rollout.seed
    )
    metric = LpipsMetric(context.perceptual, painter.preset.image_side_px)
    return Painting(
        picture, context, picture.image, artist, metric, interval_of(context),
        resolved_region_config(config, painter), config.stop, first_canvas(config, picture.image),
    )  # fmt: skip


def _stroke_rollout(context: PaintingContext, picture: Picture) -> Painting:
    config, image, interval_s = context.config, picture.image, interval_of(context)
    canvas = first_canvas(config, image)
    order = find_order(context.place or context.record.name)
    assert order is not None, "its record says that it paints with strokes"
    artist = order_artist(
        order[0], image, config.strokes, interval_s, config.rollout.seed, canvas,
        config.rollout.say, order[1],
    )  # fmt: skip
    metric = LpipsMetric(context.perceptual, context.painter.preset.image_side_px)
    if canvas is None:
        canvas = np.full_like(image, config.strokes.ground_rgb())
    # Strokes arrive at the picture exactly, so a painting ends there, and not when it is near.
    stop = _own_stop(config.stop, {"arrived": 0.0, "small_change": 1e-9, "max_steps": 1000})
    return Painting(picture, context, image, artist, metric, interval_s, WHOLE, stop, canvas)


def _rival_rollout(context: PaintingContext, picture: Picture) -> Painting:
    config, image = context.config, picture.image
    folder = find_rival(context.place or context.record.name)
    assert folder is not None, "its record says that a rival paints"
    canvas, record = first_canvas(config, image), read_rival(folder)
    device = context.painter.device
    start = start_rival(RivalTask(folder, record, image, config.rollout.seed, canvas, device))
    metric = LpipsMetric(context.perceptual, context.painter.preset.image_side_px)
    # No rival looks whether it has arrived: it paints its frames.
    stop = _own_stop(config.stop, {"arrived": 0.0, "small_change": 0.0})
    most = min(start.num_steps, config.stop.max_steps or start.num_steps)
    painting = Painting(
        picture, context, image, start.artist, metric,
        config.rollout.interval_s or start.interval_s, WHOLE,
        stop.model_copy(update={"max_steps": most}), start.canvas,
    )  # fmt: skip
    # A step that sets the picture would be none of the rival's.
    painting.finish = FinishConfig(enabled=False)
    return painting


def _own_stop(asked: StopConfig, own: Mapping[str, float]) -> StopConfig:
    """The stop rule with an artist's own limits where the user set none."""
    return asked.model_copy(
        update={key: value for key, value in own.items() if getattr(asked, key) is None}
    )


def _official_rollout(context: PaintingContext, picture: Picture) -> Painting:
    from inference.official.artist import OfficialArtist, OfficialMetric
    from inference.official.language import OfficialInstructionModel, instruction_function
    from inference.official.noise import DrawnNoise

    config, painter, image = context.config, context.painter, picture.image
    short = painter.preset.image_side_px
    prefix = PromptPrefix()

    def model() -> OfficialInstructionModel:
        return OfficialInstructionModel(
            painter.part("instruction_model"), painter.part("instruction_processor"), 512, prefix
        )

    artist = OfficialArtist(
        painter, image, instruction_function(model), DrawnNoise(config.rollout.seed, painter.dtype),
        {**painter.settings.guidance, **config.sampling.guidance},
        config.sampling.num_steps or painter.settings.num_steps, config.sampling.blended_share,
    )  # fmt: skip
    lpips = context.perceptual

    def rounded(pixels: Tensor) -> Tensor:
        return pixels.to(painter.device, painter.dtype).float()

    metric = OfficialMetric(
        image,
        short,
        lambda a, b: lpips.map_of(rounded(a), rounded(b)),
        lambda a, b: lpips.distance_of(rounded(a), rounded(b)),
    )
    first = first_canvas(config, image)
    first = np.full_like(image, 255) if first is None else first
    return Painting(
        picture, context, padded_image(image, short), artist, metric, interval_of(context),
        resolved_region_config(config, painter), config.stop, padded_image(first, short),
    )  # fmt: skip
