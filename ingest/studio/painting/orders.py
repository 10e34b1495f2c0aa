"""The steps of portraits and still lifes, back to front: a vocabulary word and a function each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ingest.studio.subjects import hair, portrait, tabletop
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.sitter import Sitter
from ingest.studio.subjects.still_life import StillLife

Step = tuple[str, Callable[[Painter], None]]
"""The word of a step, and the function that paints it."""


def portrait_order(rng: np.random.Generator, sitter: Sitter) -> list[Step]:
    """The steps of a portrait. Hair comes before the eyes or after the mouth, by chance."""
    steps: list[Step] = []
    if sitter.has_sketch:
        steps.append(("sketch", lambda p: portrait.paint_drawing(p, sitter)))
    steps.append(("background", lambda p: portrait.paint_wall(p, sitter)))
    if sitter.hair_style in ("long", "bun"):
        steps.append(("hair", lambda p: hair.paint_hair_behind(p, sitter)))
    steps.append(("figure", lambda p: portrait.paint_bust(p, sitter)))
    steps.append(("face", lambda p: portrait.paint_face(p, sitter)))
    features: list[Step] = [
        ("eye", lambda p: portrait.paint_eyes(p, sitter)),
        ("mouth", lambda p: portrait.paint_mouth(p, sitter)),
    ]
    if sitter.hair_style != "bald" or sitter.beard:
        at = 0 if rng.random() < 0.5 else 2
        features.insert(at, ("hair", lambda p: hair.paint_hair(p, sitter)))
    steps += features
    if sitter.hand != "none":
        steps.append(("hand", lambda p: portrait.paint_hand(p, sitter)))
    steps.append(("details", lambda p: portrait.paint_lights(p, sitter)))
    return steps


def still_life_order(rng: np.random.Generator, still: StillLife) -> list[Step]:
    """The steps of a still life. Flowers come before the second vessel or after all, by chance."""
    steps: list[Step] = [
        ("background", lambda p: tabletop.paint_wall(p, still)),
        ("table", lambda p: tabletop.paint_table(p, still)),
    ]
    if still.has_sketch:
        steps.insert(0, ("sketch", lambda p: tabletop.paint_drawing(p, still)))
    if still.cloth is not None:
        steps.append(("cloth", lambda p: tabletop.paint_cloth(p, still)))
    steps.append(("shadow", lambda p: tabletop.paint_shadows(p, still)))
    steps += [
        ("vase", lambda p, v=vessel: tabletop.paint_vessel(p, still, v)) for vessel in still.vessels
    ]
    if still.flowers:
        at = len(steps) if rng.random() < 0.5 else len(steps) - len(still.vessels) + 1
        steps.insert(at, ("flower", lambda p: tabletop.paint_bouquet(p, still)))
    kinds = list(dict.fromkeys(fruit.kind for fruit in still.fruits))
    for kind in kinds:
        some = [fruit for fruit in still.fruits if fruit.kind == kind]
        steps.append(("fruit", lambda p, s=some: tabletop.paint_fruits(p, still, s)))
    steps.append(("details", lambda p: tabletop.paint_touches(p, still)))
    return steps
