"""The vocabulary of instructions: what is painted in a step, in the usual order, back to front.

The studio names its steps with these words, labelers answer with them, review offers them.
"""

from __future__ import annotations

VOCABULARY: tuple[str, ...] = (
    "sketch",
    "background",
    "sky",
    "sun",
    "moon",
    "cloud",
    "mountain",
    "hill",
    "ground",
    "field",
    "path",
    "water",
    "reflection",
    "rock",
    "tree",
    "bush",
    "house",
    "boat",
    "fence",
    "grass",
    "flower",
    "bird",
    "figure",
    "table",
    "cloth",
    "shadow",
    "vase",
    "fruit",
    "face",
    "hair",
    "eye",
    "mouth",
    "hand",
    "details",
)
"""Singular, lower case; "details" is the word for finishing touches (paper, figure 6)."""
