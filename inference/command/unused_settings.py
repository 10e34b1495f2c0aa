"""Loads the settings of `paint`, and refuses those on the command line that do nothing.

Keys of `pipelines.yaml` are not checked: it lists all settings for all painters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from inference.artist.painting_state import DetailSettings
from inference.artist.planned.orders import find_order
from inference.artist.rivals.rivals import find_rival
from inference.command.painting_context import painter_record, paints_in_order
from inference.settings import InferenceConfig
from ingest.conventions.config import load_section
from ingest.conventions.errors import UserError
from ingest.conventions.unused_settings import refuse_unused_keys
from training.painter.folder import PainterSettings
from training.rivals.folder import RIVAL_FILE


def load_settings(
    path: Path | None,
    overrides: list[str] | None,
    options: Mapping[str, tuple[str, object]],
    has_seeds: bool = False,
) -> InferenceConfig:
    """The settings of `paint` from a file, ``--set`` and its other options.

    Args:
        path: a YAML file; None for `pipelines.yaml`.
        overrides: items of ``--set``.
        options: key (``strokes.medium``) and value by option (``--medium``); None: not given.
        has_seeds: ``--seeds`` is given.

    Raises:
        UserError: an unknown or impossible setting, or one that does nothing.
    """
    # As JSON, which is YAML: `#` and `:` in a value mean nothing.
    given = [
        f"inference.{key}={json.dumps(value, default=str)}"
        for key, value in options.values()
        if value is not None
    ]
    config = load_section("inference", InferenceConfig, path, [*(overrides or []), *given])
    unused = unused_keys(config, painter_record(config)[1])
    for option, (key, value) in options.items():
        for prefix, why in unused.items():
            if value is not None and f"inference.{key}.".startswith(f"{prefix}."):
                raise UserError(f"{option} does nothing here: {why}")
    if has_seeds:
        unused["inference.rollout.seed"] = "--seeds has all of them"
    refuse_unused_keys(overrides, unused)
    return config


def unused_keys(config: InferenceConfig, painter: PainterSettings) -> dict[str, str]:
    """Settings that do nothing with a config, as keys or beginnings of keys, and why.

    Args:
        painter: settings of the config's painter.
    """
    if paints_in_order(config.painter):
        unused = _of_order(config)
    elif find_rival(config.painter) is not None:
        unused = _of_rival(config)
    else:
        unused = _of_painter(config, painter)
    rollout = config.rollout
    if rollout.script or rollout.say or rollout.mask or rollout.lock:
        unused["work.batch_size"] = "steered paintings are painted one at a time"
    if not config.finish.enabled and "finish" not in unused:
        unused["finish.visible_change"] = "finish.enabled is false"
    return {f"inference.{key}": why for key, why in unused.items()}


def _of_order(config: InferenceConfig) -> dict[str, str]:
    found = find_order(config.painter)
    assert found is not None, "only called for orders"
    order = found[0]
    no_networks = f"the order {order} paints without a painter's networks; give a --painter folder"
    unused = _each(("dtype", "quirks", "memory", "region", "sampling", "detail"), no_networks)
    unused["work.batch_size"] = f"pictures of the order {order} are painted one at a time"
    if order != "learned":
        unused["rollout.say"] = f"the order {order} knows no words; take --painter learned"
    if order == "fade-in":
        strokes = ("strokes.medium", "strokes.underdrawing", "strokes.habit")
        films = ("film.film", "film.fps", "film.side_px")
        return unused | _each(strokes + films, "fade-in paints without strokes")
    if config.rollout.canvas:
        unused["strokes.underdrawing"] = "there is a first canvas, nothing is drawn on it"
    if config.film.film == "steps":
        why = "the film shows canvases; inference.export has its settings"
        return unused | _each(("film.fps", "film.side_px"), why)
    why = "the film lays strokes; add --film steps, or use inference.film"
    return unused | _each(("export.fps", "export.film_side_px"), why)


def _of_rival(config: InferenceConfig) -> dict[str, str]:
    name = config.painter
    unused = _each(
        ("dtype", "quirks", "memory", "region", "sampling", "detail", "strokes", "film.film",
         "film.fps", "film.side_px"),
        f"{name} is a rival of the paper, with its own network and settings ({RIVAL_FILE})",
    )  # fmt: skip
    unused["rollout.say"] = f"the rival {name} knows no words; take --painter learned"
    unused["work.batch_size"] = "pictures of a rival are painted one at a time"
    unused["finish"] = "a rival's painting ends with its own last frame"
    return unused


def _of_painter(config: InferenceConfig, painter: PainterSettings) -> dict[str, str]:
    name, preset = config.painter, painter.preset
    no_strokes = f"the painter {name} paints without strokes; leave --painter out for strokes"
    unused = _each(("strokes", "film.film", "film.fps", "film.side_px"), no_strokes)
    unused["memory.vae_slices"] = "painting gives the VAE one canvas at a time anyway"
    if preset.codec != "vae":
        unused["memory.vae_tile_px"] = f"the painter {name} has no VAE"
    if "TG" in preset.without:
        unused["memory.llava_bits"] = f"the painter {name} has no instruction model (TG)"
    if "MG" in preset.without:
        keys = ("region.thresholds", "region.largest_overlap", "region.look_again")
        unused |= _each(keys, f"the painter {name} has no mask generator (MG)")
    if config.quirks == "official":
        keys = ("detail", "sampling.sampler", "sampling.same_noise")
        unused |= _each(keys, "the release has no such choice (quirks official)")
        unused["work.batch_size"] = "with quirks official paintings are painted one at a time"
        return unused
    detail = DetailSettings.resolved(config.detail, preset)
    if not detail.carries_detail:
        unused["detail.opaque"] = "no detail is carried over (detail.carry_detail)"
    if not detail.keeps_outside and not detail.follows_edges:
        unused["detail.feather_share"] = "no region has a soft edge here (detail.keep_outside_mask)"
    return unused


def _each(keys: Sequence[str], why: str) -> dict[str, str]:
    return dict.fromkeys(keys, why)
