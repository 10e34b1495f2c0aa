"""The composition of a landscape as data: what stands where, in which colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.studio.scene.palette import Hour, Palette, Season
from ingest.studio.strokes.stroke import Colour

WaterKind = Literal["none", "lake", "river", "sea"]
NEAR_TREE = 0.2
"""Height in units from which a tree belongs to the foreground."""
CloudStyle = Literal["none", "cumulus", "streaks", "mist"]
Feature = Literal["path", "fence", "flowers", "rocks", "birds", "sketch", "underpainting"]
TreeKind = Literal["conifer", "broadleaf", "birch", "poplar", "bare", "cactus", "palm"]


@dataclass(frozen=True, eq=False)
class Scene:
    """One composition. Lengths in units of the short side, y downwards."""

    width: float
    height: float
    hour: Hour
    season: Season
    palette: Palette
    ground_colour: Colour
    """Colour of the canvas before the first stroke: white gesso or a toned ground."""
    boldness: float
    """Factor on brush widths."""
    light_side: int
    """-1: the light comes from the left; 1: from the right."""
    horizon: float
    """y of the horizon."""
    sun: tuple[float, float, float] | None
    """Centre x, y and radius of the sun or moon."""
    cloud_style: CloudStyle
    mountains: tuple[tuple[np.ndarray, float], ...]
    """Ranges from far to near: peaks, float (N, 2), and their haze, 0 to 1."""
    hills: tuple[tuple[np.ndarray, float], ...]
    """Skylines of hills from far to near, float (160, 2), and their haze, 0 to 1."""
    water: WaterKind
    shore: np.ndarray
    """Polygon of the water, float32 (N, 2); empty where there is none."""
    banks: tuple[np.ndarray, ...]
    """Polygons of land in front of the water, float32 (N, 2): trees by a lake stand on them."""
    ground_line: np.ndarray
    """Upper edge of the ground, float (160, 2)."""
    trees: tuple[tuple[TreeKind, float, float, float], ...]
    """Kind, x, y of the foot, height; from far to near."""
    house: tuple[float, float, float] | None
    """x, y of the foot's middle and width of the front."""
    boat: tuple[float, float, float] | None
    """x, y of the waterline's middle and length."""
    features: frozenset[Feature]
    """Optional things and optional first steps."""
