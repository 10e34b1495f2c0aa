"""Draws the sitter of a portrait from a seed: proportions, hair, clothes, colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.studio.scene.palette import jitter, mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import Colour
from ingest.studio.subjects.forms import Tones

HairStyle = Literal["short", "long", "bun", "curly", "bald"]

_SKINS = (
    ("#7d4a36", "#c98d68", "#efc7a2"), ("#8a5240", "#d9a582", "#f6d9bd"),
    ("#4a2c20", "#8a5a3c", "#bd8a62"), ("#33201a", "#63402c", "#976a4a"),
    ("#6a3f2a", "#b57f54", "#e0b285"),
)  # fmt: skip
"""Dark, middle and light tone of skin."""
_HAIRS = ("#2a1e18", "#4f3422", "#7d4e2a", "#c79a55", "#8a8a8c", "#a3482a", "#181619")
"""Colours of hair."""
_CLOTHES = ("#2f4a6b", "#7d2f33", "#3f5a45", "#d8cfc0", "#2c2a2e", "#b5803a", "#6a5578")
"""Colours of clothes."""
_WALLS = ("#5a6a5f", "#7d6a55", "#46525f", "#8c5a4a", "#a39a86", "#3c4440", "#b59a78")
"""Colours of the background."""


@dataclass(frozen=True, eq=False)
class Sitter:
    """One sitter. Lengths in units; places in the face are given in head heights, see `at`."""

    scene: Scene
    """Its size and light side are used; its landscape is not painted."""
    x: float
    y: float
    """Middle of the face."""
    head: float
    """Height of the head."""
    turn: float
    """Yaw of the face, from -1 (left) to 1 (right)."""
    skin: Tones
    hair: Tones
    hair_style: HairStyle
    clothes: Tones
    wall: Colour
    iris: Colour
    lips: Colour
    beard: bool
    hand: Literal["none", "chest", "chin"]
    """Where a hand of the sitter is seen, if any."""
    has_sketch: bool

    @property
    def light_side(self) -> int:
        return self.scene.light_side

    def at(self, u: float, v: float) -> tuple[float, float]:
        """Position in units of a place in the face: `u` right, `v` down of its middle, in heads."""
        return self.x + u * self.head, self.y + v * self.head


def make_sitter(seed: int, scene: Scene) -> Sitter:
    """The sitter of a seed on a canvas of the scene's size."""
    rng = np.random.default_rng([seed, 23])
    head = rng.uniform(0.48, 0.56) * (1.14 if scene.height > 1.15 else 1.0)
    dark, middle, light = _SKINS[rng.integers(len(_SKINS))]
    skin = tuple(jitter(rng, rgb(text), 4) for text in (dark, middle, light))
    hair = jitter(rng, rgb(_HAIRS[rng.integers(len(_HAIRS))]), 5)
    clothes = jitter(rng, rgb(_CLOTHES[rng.integers(len(_CLOTHES))]), 6)
    styles: tuple[HairStyle, ...] = ("short", "long", "bun", "curly", "bald")
    style = styles[rng.choice(5, p=[0.3, 0.33, 0.14, 0.17, 0.06])]
    irises = ("#4a2f1c", "#5a7a8c", "#5f6f3f", "#33261e")
    hands: tuple[Literal["none", "chest", "chin"], ...] = ("none", "chest", "chin")
    return Sitter(
        scene=scene,
        x=float(scene.width * (0.5 + rng.uniform(-0.05, 0.05))),
        y=float(scene.height * rng.uniform(0.38, 0.42)),
        head=float(head),
        turn=float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.9)),
        skin=(skin[0], skin[1], skin[2]),
        hair=(shade(hair, 0.5), hair, mix(shade(hair, 1.45), rgb("#e8d0a8"), 0.25)),
        hair_style=style,
        clothes=(shade(clothes, 0.5), clothes, mix(shade(clothes, 1.2), rgb("#ffffff"), 0.18)),
        wall=jitter(rng, rgb(_WALLS[rng.integers(len(_WALLS))]), 6),
        iris=rgb(irises[rng.integers(4)]),
        lips=mix(skin[1], rgb("#a8383c"), rng.uniform(0.4, 0.65)),
        beard=bool(style in ("short", "bald") and rng.random() < 0.35),
        hand=hands[rng.choice(3, p=[0.4, 0.35, 0.25])],
        has_sketch=bool(rng.random() < 0.45),
    )
