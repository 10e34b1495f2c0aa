"""Draws the composition of a landscape (a `Scene`) from a seed."""

from __future__ import annotations

import numpy as np

from ingest.studio.scene import layout
from ingest.studio.scene.noise import ridge
from ingest.studio.scene.palette import Hour, Season, make_palette
from ingest.studio.scene.scene import CloudStyle, Feature, Scene, WaterKind

_HOURS: tuple[Hour, ...] = ("day", "golden", "dawn", "dusk", "night", "overcast")
"""Times of day."""
_SEASONS: tuple[Season, ...] = ("spring", "summer", "autumn", "winter", "desert")
"""Seasons; desert counts as one."""
_WATERS: tuple[WaterKind, ...] = ("none", "lake", "river", "sea")
"""Kinds of water."""
_CLOUDS: tuple[CloudStyle, ...] = ("none", "cumulus", "streaks", "mist")
"""Kinds of clouds."""


def compose_scene(seed: int, aspect: float) -> Scene:
    """The composition of a seed for a canvas of `aspect` = width / height (any positive number)."""
    rng = np.random.default_rng([seed, 1])
    width, height = max(1.0, aspect), max(1.0, 1 / aspect)
    hour = _HOURS[rng.choice(6, p=[0.36, 0.2, 0.14, 0.13, 0.07, 0.1])]
    season = _SEASONS[rng.choice(5, p=[0.24, 0.29, 0.22, 0.15, 0.1])]
    horizon = height * rng.uniform(0.46, 0.64)
    water = _WATERS[rng.choice(4, p=[0.3, 0.36, 0.2, 0.14])] if season != "desert" else "none"
    light_side = -1 if rng.random() < 0.5 else 1
    mountains = layout.place_ranges(rng, width, horizon, water)
    trees = layout.place_trees(rng, width, height, horizon, season, water)
    return Scene(
        width=width,
        height=height,
        hour=hour,
        season=season,
        palette=make_palette(rng, hour, season),
        ground_colour=layout.ground_colour(rng),
        boldness=float(rng.uniform(0.8, 1.2)),
        light_side=light_side,
        horizon=horizon,
        sun=layout.place_sun(rng, width, horizon, hour, light_side),
        cloud_style=_CLOUDS[rng.choice(4, p=[0.1, 0.5, 0.25, 0.15])],
        mountains=mountains,
        hills=layout.place_hills(rng, width, horizon, len(mountains), water),
        water=water,
        shore=layout.place_shore(rng, width, height, horizon, water),
        banks=layout.place_banks(rng, width, height, water, trees),
        ground_line=ridge(rng, width, horizon + 0.03, 0.045, 0.9),
        trees=trees,
        house=layout.place_house(rng, width, horizon, water),
        boat=layout.place_boat(rng, width, height, horizon, water),
        features=_features(rng, hour, season, water),
    )


def _features(
    rng: np.random.Generator, hour: Hour, season: Season, water: WaterKind
) -> frozenset[Feature]:
    """Draws each feature by its chance; a chance is 0 where water or season exclude it."""
    chances: dict[Feature, float] = {
        "path": 0.6 * (water == "none"),
        "fence": 0.3 * (water == "none" and season != "desert"),
        "flowers": 0.7 * (season in ("spring", "summer")),
        "rocks": 0.35 if water == "none" else 0.7,
        "birds": 0.4 * (hour != "night"),
        "sketch": 0.25,
        "underpainting": 0.3,
    }
    return frozenset(name for name, chance in chances.items() if rng.random() < chance)
