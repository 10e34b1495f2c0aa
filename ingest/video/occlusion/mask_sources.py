"""Masks what is told before the clean canvas is computed: other scenes, thumbs, moving hands.

A source is a function from a scene to a mask, bool (n, h, w). Which ones apply, and in which order,
follows from the kind of footage; each sees the scene without what those before it found.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ingest.video.canvas.footage import Footage
from ingest.video.occlusion.appearance import occluders_by_colour
from ingest.video.occlusion.scene import Scene
from ingest.video.occlusion.skin import skin_at_view_border

MaskSource = Callable[[Scene], np.ndarray]


def other_scenes(scene: Scene) -> np.ndarray:
    """Masks whole frames that show another scene, told by the table around the canvas."""
    flat = np.full(scene.inside.shape, scene.config.tolerance, np.float32)
    found = scene.table.scene_changes(scene.valid, flat)
    return np.broadcast_to(found[:, None, None], scene.valid.shape)


def resting_thumbs(scene: Scene) -> np.ndarray:
    """Masks skin that reaches onto the page from outside the view."""
    return skin_at_view_border(scene.frames, scene.valid)


def moving_hands(scene: Scene) -> np.ndarray:
    """Masks hands and tools by their colours: without a table in view nothing else separates a
    resting hand from paint."""
    states = scene.history.states
    return occluders_by_colour(
        scene.frames,
        scene.valid,
        states[0],
        states[-1],
        scene.history.tolerance,
        is_reframed=scene.footage is Footage.REFRAMED,
    )


MASK_SOURCES: dict[Footage, list[MaskSource]] = {
    Footage.TABLE: [other_scenes],
    Footage.SCREEN: [moving_hands],
    Footage.REFRAMED: [resting_thumbs, moving_hands],
}
"""The sources of each kind of footage, in the order in which they are applied."""


def masked(scene: Scene) -> Scene:
    """Returns the scene without what the sources of its kind of footage mask."""
    for source in MASK_SOURCES[scene.footage]:
        scene = scene.without(source(scene), are_hands=source is moving_hands)
    return scene
