"""The preset of a painter whose networks were trained in several runs.

An ablation changes only the networks that it names (paper, table 1): TE and TG the mask generator
and the renderer, MG, RN and CE the renderer. So the runs of one painter may differ in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.conventions.errors import UserError
from training.networks.presets import Preset

OWN_FIELDS = {"without", "sees_target", "num_steps", "guidance"}
"""Fields of a preset that may differ between the runs of one painter."""
SHARED_ABLATIONS = ("TE", "TG")
"""Ablations that mask generator and renderer have both or none of."""


def merged_preset(presets: Mapping[str, Preset]) -> Preset:
    """The preset of the painter: that of the renderer, else of the mask generator, else of the text
    network.

    Args:
        presets: by objective (text, mask, renderer).

    Raises:
        UserError: networks of other sizes, or ablations that contradict each other.
    """
    base_name = next(name for name in ("renderer", "mask", "text") if name in presets)
    base = presets[base_name]
    for name, preset in presets.items():
        own, wanted = (p.model_dump(exclude=OWN_FIELDS) for p in (preset, base))
        other = next((field for field in own if own[field] != wanted[field]), None)
        if other is not None:
            raise UserError(
                f"{name} and {base_name} were trained at different sizes: {other} is "
                f"{own[other]!r:.60} and {wanted[other]!r:.60}; train them alike"
            )
    _check_ablations(presets)
    return base


def _check_ablations(presets: Mapping[str, Preset]) -> None:
    """Raises UserError for runs that no painter can use together."""
    renderer, mask = presets.get("renderer"), presets.get("mask")
    if renderer and mask:
        for ablation in SHARED_ABLATIONS:
            if (ablation in renderer.without) != (ablation in mask.without):
                has, lacks = (
                    ("renderer", "mask") if ablation in renderer.without else ("mask", "renderer")
                )
                raise UserError(
                    f"{has} was trained without {ablation} and {lacks} with it: train both with "
                    f"--set 'training.without=[{ablation}]', or both without the setting"
                )
        if "MG" in renderer.without:
            raise UserError(
                "renderer was trained without a mask generator (MG): leave --mask out, or train "
                "the renderer with it"
            )
    if "text" in presets and any("TG" in p.without for p in (renderer, mask) if p):
        raise UserError(
            "renderer or mask was trained without words (TG): leave --text out, or train them with "
            "words"
        )
