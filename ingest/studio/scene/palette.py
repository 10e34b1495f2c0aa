"""Draws the colours of a picture from hour and season; mixes colours and adds haze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.studio.strokes.stroke import Colour

Hour = Literal["day", "golden", "dawn", "dusk", "night", "overcast"]
Season = Literal["spring", "summer", "autumn", "winter", "desert"]


def rgb(text: str) -> Colour:
    """``"#rrggbb"`` as float32 RGB in [0, 255]."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (clamped to [0, 1]) of `second` in it."""
    share = min(max(float(share), 0.0), 1.0)
    return (first + share * (second - first)).astype(np.float32)


def shade(colour: Colour, factor: float) -> Colour:
    """Darker (factor below 1) or lighter (above 1), clamped to [0, 255]."""
    return np.clip(colour * factor, 0, 255).astype(np.float32)


def jitter(rng: np.random.Generator, colour: Colour, amount: float) -> Colour:
    """The colour with noise, mostly in lightness; `amount` is its standard deviation, of 255."""
    change = rng.normal(0, amount) + rng.normal(0, amount * 0.45, 3)
    return np.clip(colour + change, 0, 255).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Palette:
    """Every colour of a picture, RGB float32 in [0, 255]; triples run dark, middle, light."""

    sky: tuple[Colour, Colour, Colour]
    """Zenith, middle, horizon."""
    cloud: tuple[Colour, Colour, Colour]
    sun: Colour
    haze: Colour
    mountain: tuple[Colour, Colour, Colour]
    leaf: tuple[Colour, Colour, Colour]
    grass: tuple[Colour, Colour, Colour]
    earth: tuple[Colour, Colour, Colour]
    rock: tuple[Colour, Colour, Colour]
    bark: tuple[Colour, Colour, Colour]
    snow: Colour
    flowers: tuple[Colour, ...]
    light: Colour
    """Colour of the direct light: highlights lean to it."""

    def with_haze(self, colour: Colour, distance: float) -> Colour:
        """Aerial perspective: `colour` mixed with the haze by `distance`, 0 (near) to 1 (far)."""
        return mix(colour, self.haze, distance)


_SKIES: dict[str, list[tuple[str, str, str, str, str, str, str, str]]] = {
    # zenith, middle, horizon, cloud dark, cloud middle, cloud light, sun, light
    "day": [
        ("#2f78b8", "#5fa6d8", "#cfe4ea", "#93a9bd", "#d5dde2", "#fbf8ef", "#fff3c4", "#fff2cc"),
        ("#1f8fc0", "#45b9d6", "#d9e9da", "#9a9fa8", "#e3d6c4", "#fdf3e0", "#fff0bd", "#ffeebc"),
        ("#3a69ae", "#7fa7d9", "#e5e3dc", "#8795b5", "#cdd3e2", "#fdfbf6", "#fff6d8", "#fff4d6"),
    ],
    "golden": [
        ("#3f6fa3", "#e0a877", "#fbd48a", "#8f6f80", "#e29f7c", "#ffe0a8", "#fff2b8", "#ffd48a"),
        ("#56679c", "#d98a6f", "#f8c05f", "#6d5678", "#d97a5e", "#ffcf8c", "#fff0a0", "#ffc878"),
        ("#2f7d9a", "#a9c3a0", "#f9cf72", "#7f7d7c", "#dba05f", "#ffe2a2", "#fff4c0", "#ffdb90"),
    ],
    "dawn": [
        ("#7d8fc4", "#d9a9c0", "#fbd9c0", "#9c86ae", "#e5b3bd", "#fff0e2", "#fff4dc", "#ffe0cc"),
        ("#6ea3c0", "#c9c6d6", "#f9dccb", "#93a0ba", "#dfc3cc", "#fff3ea", "#fff2d2", "#ffe8d2"),
    ],
    "dusk": [
        ("#2b2f66", "#8a4a86", "#f07f5a", "#3d2f5e", "#a3476f", "#f79a6c", "#ffd28a", "#f7a678"),
        ("#253a6b", "#6a5f98", "#ef9d6a", "#37355f", "#8d5480", "#f2ad82", "#ffdf9c", "#f4b088"),
    ],
    "night": [
        ("#0f1738", "#1f3566", "#4a6f93", "#1d2747", "#3d5378", "#8fa6c0", "#f4f1da", "#b4c6dc"),
        ("#101f33", "#15485e", "#3d8a86", "#18303f", "#2f5f6b", "#86b8b2", "#f5f3de", "#b2d6d0"),
    ],
    "overcast": [
        ("#8393a3", "#adb7be", "#d9d9d2", "#76838f", "#b4bac0", "#e9e8e4", "#f6f1e2", "#e8e8e2"),
        ("#6f8796", "#a6b5b8", "#dcd7c8", "#6c7a84", "#a9afb0", "#eeebe2", "#f6f1e2", "#ece8da"),
    ],
}
"""Colours of sky, clouds, sun and light, by hour."""

_LEAVES: dict[str, list[tuple[str, str, str]]] = {
    "spring": [("#274a2c", "#5f9440", "#b5d56a"), ("#2f4f36", "#7aa84a", "#cfe07e")],
    "summer": [("#1a3a26", "#3d7038", "#8fb350"), ("#22402a", "#4f7a34", "#a9bd4f")],
    "autumn": [("#5a2a1c", "#c0622a", "#f0b23e"), ("#4f321c", "#b0802c", "#eecb58"),
               ("#54221c", "#a83c28", "#ee8a3c")],
    "winter": [("#22363a", "#46626a", "#9fb4bc"), ("#2c3438", "#56686c", "#b4c2c6")],
    "desert": [("#24463a", "#3f7a5a", "#86b082"), ("#33452c", "#6a7f48", "#aab676")],
}  # fmt: skip
"""Dark, middle and light leaves of each season."""

_GRASSES: dict[str, list[tuple[str, str, str]]] = {
    "spring": [("#34572a", "#6ea03c", "#bcd562"), ("#3a5f38", "#86ad48", "#d3dc74")],
    "summer": [("#33522a", "#75943c", "#c2c45a"), ("#4a5a28", "#a0a044", "#e0cc70")],
    "autumn": [("#5a4a24", "#a4843c", "#e0bd64"), ("#4e4a2a", "#8f8440", "#d2b45c")],
    "winter": [("#8496ac", "#c3d0de", "#f7f9fb"), ("#7d88a8", "#bcc4da", "#fbf7f4")],
    "desert": [("#a0522e", "#d2814a", "#f2bd82"), ("#98503c", "#d98a66", "#f6c8a0")],
}
"""Dark, middle and light grass of each season."""

_MOUNTAINS = [
    ("#2c3447", "#5c6577", "#a8a7a8"),
    ("#33384f", "#6a6c86", "#b6a8a6"),
    ("#25404f", "#4c7382", "#98b2b4"),
    ("#403542", "#7d6874", "#c4a598"),
]
"""Dark, middle and light rock of mountains."""
_EARTHS = [("#4f3826", "#8d6b48", "#d0ac7c"), ("#5a4636", "#9b8166", "#d8c3a0")]
"""Dark, middle and light earth."""
_ROCKS = [("#37363a", "#74706e", "#bdb4a8"), ("#3d3530", "#80705f", "#c8b59a")]
"""Dark, middle and light rock."""
_BARKS = [("#2a1f18", "#5b4532", "#a08060"), ("#2c2826", "#5f5650", "#aa9c8c")]
"""Dark, middle and light bark."""
_FLOWERS = [
    ("#d8324a", "#f26a5a", "#f7d64a"),
    ("#7a4fb0", "#a679d0", "#d8b6ee"),
    ("#f4f1e6", "#f6d34e", "#f0a23c"),
    ("#e8648c", "#f7a8bc", "#fbe3e6"),
    ("#3f66c4", "#86a8ea", "#f3f3f7"),
    ("#e8482c", "#f78c2e", "#fbd23a"),
]
"""Colours of flowers, three that go together."""
_EXPOSURE = {"day": 1.0, "golden": 0.92, "dawn": 0.95, "dusk": 0.74, "night": 0.5, "overcast": 0.9}
"""Factor on the brightness of things, by hour."""
_TINT = {"day": 0.0, "golden": 0.16, "dawn": 0.12, "dusk": 0.2, "night": 0.3, "overcast": 0.14}
"""Share of the light's colour mixed into the colours of things, by hour."""


def make_palette(rng: np.random.Generator, hour: Hour, season: Season) -> Palette:
    """Draw the colours of one picture."""

    def choose(table: list) -> tuple[Colour, ...]:
        return tuple(jitter(rng, rgb(text), 4.0) for text in table[rng.integers(len(table))])

    zenith, middle, low, cloud_dark, cloud_middle, cloud_light, sun, light = choose(_SKIES[hour])
    tint = mix(low, zenith, 0.45)

    def lit(colours: tuple[Colour, ...]) -> tuple[Colour, ...]:
        """The colours under the strength and the tint of the hour's light."""
        return tuple(mix(shade(c, _EXPOSURE[hour]), tint, _TINT[hour] * 0.8) for c in colours)

    mountains = _MOUNTAINS if season != "desert" else [("#6a3430", "#a85f4a", "#e2a27c")]
    return Palette(
        sky=(zenith, middle, low),
        cloud=(cloud_dark, cloud_middle, cloud_light),
        sun=sun,
        haze=mix(low, zenith, 0.42),
        mountain=_triple(lit(choose(mountains))),
        leaf=_triple(lit(choose(_LEAVES[season]))),
        grass=_triple(lit(choose(_GRASSES[season]))),
        earth=_triple(lit(choose(_EARTHS))),
        rock=_triple(lit(choose(_ROCKS))),
        bark=_triple(lit(choose(_BARKS))),
        snow=mix(rgb("#f4f6fa"), light, 0.3) * np.float32(0.6 + 0.4 * _EXPOSURE[hour]),
        flowers=lit(choose(_FLOWERS)),
        light=light,
    )


def _triple(colours: tuple[Colour, ...]) -> tuple[Colour, Colour, Colour]:
    return colours[0], colours[1], colours[2]
