"""The words for what is being painted, in the order painters usually take: back to front.

The studio names its steps with them, labelers answer in them, review offers them.
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
