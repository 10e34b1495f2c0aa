"""Plans all strokes of a painting from its seed, in steps from back to front."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ingest.studio.painting import orders, sketch_and_details
from ingest.studio.painting.formats import Subject
from ingest.studio.painting.preview import Preview
from ingest.studio.painting.repaint import Task, with_repaints
from ingest.studio.scene.compose_scene import compose_scene
from ingest.studio.scene.scene import NEAR_TREE, Scene
from ingest.studio.strokes.canvas import PaintedCanvas
from ingest.studio.strokes.stroke import Step, Touch
from ingest.studio.subjects import buildings, house, land, mountains, plants, sky, trees, water
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.sitter import make_sitter
from ingest.studio.subjects.still_life import make_still_life

DRY_BRUSH = Touch(opacity=0.0, body=0.0)
"""A brush without paint."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A whole painting as strokes in steps."""

    seed: int
    scene: Scene
    steps: tuple[Step, ...]

    def canvas(self, width_px: int, height_px: int) -> PaintedCanvas:
        """The blank canvas that this painting begins on."""
        return PaintedCanvas(width_px, height_px, self.scene.ground_colour, self.seed)

    def without_paint(self) -> Plan:
        """The same movements with a brush that carries no paint."""
        steps = tuple(
            replace(step, strokes=[replace(s, touch=DRY_BRUSH) for s in step.strokes])
            for step in self.steps
        )
        return replace(self, steps=steps)

    @property
    def num_strokes(self) -> int:
        return sum(len(step.strokes) for step in self.steps)


@lru_cache(maxsize=4)
def plan_painting(
    seed: int, aspect: float, subject: Subject = "landscape", repaints: int = 0
) -> Plan:
    """Every stroke of the painting of `seed` on a canvas of `aspect` = width / height.

    Args:
        repaints: number of corrections, see `ingest.studio.painting.repaint`.
    """
    scene = compose_scene(seed, aspect)
    preview = Preview(scene, seed)
    steps = []
    order = _order_of(np.random.default_rng([seed, 2]), seed, scene, subject)
    if repaints:
        order = with_repaints(np.random.default_rng([seed, 4]), order, repaints)
    for number, (word, work) in enumerate(order):
        painter = Painter(np.random.default_rng([seed, 3, number]), scene.boldness)
        work(painter, preview)
        strokes = [s for s in painter.strokes if preview.canvas.window_of(s) is not None]
        if strokes:
            for stroke in strokes:
                preview.canvas.apply(stroke)
            steps.append(Step(word, strokes))
    return Plan(seed, scene, tuple(steps))


def _order_of(rng: np.random.Generator, seed: int, scene: Scene, subject: Subject) -> list[Task]:
    """Words and functions of all steps of a picture of the subject."""
    if subject == "landscape":
        return _landscape_order(rng, scene)
    steps = (
        orders.portrait_order(rng, make_sitter(seed, scene))
        if subject == "portrait"
        else orders.still_life_order(rng, make_still_life(seed, scene))
    )
    return [(word, lambda p, s, w=work: w(p)) for word, work in steps]


def _landscape_order(rng: np.random.Generator, scene: Scene) -> list[Task]:
    """Words and functions of all steps of a landscape; chance decides where the order is free."""
    order: list[Task] = []
    if "underpainting" in scene.features:
        order.append(("background", lambda p, s: sketch_and_details.paint_underpainting(p, scene)))
    if "sketch" in scene.features:
        order.append(("sketch", lambda p, s: sketch_and_details.paint_sketch(p, scene)))
    order += _sky_tasks(rng, scene)
    order += _distance_tasks(scene)
    order += _middle_tasks(rng, scene)
    order += _foreground_tasks(rng, scene)
    order.append(("details", lambda p, s: sketch_and_details.paint_details(p, scene, s.colour_at)))
    return order


def _sky_tasks(rng: np.random.Generator, scene: Scene) -> list[Task]:
    steps: list[Task] = []
    if scene.sun is not None:
        word = "moon" if scene.hour == "night" else "sun"
        steps.append((word, lambda p, s: sky.paint_sun(p, scene)))
    if scene.cloud_style != "none":
        at = len(steps) if rng.random() < 0.6 else 0
        steps.insert(at, ("cloud", lambda p, s: sky.paint_clouds(p, scene)))
    steps.insert(0, ("sky", lambda p, s: sky.paint_sky(p, scene)))
    if scene.hour == "night":
        steps.append(("details", lambda p, s: sky.paint_stars(p, scene)))
    return steps


def _distance_tasks(scene: Scene) -> list[Task]:
    steps: list[Task] = []
    for peaks, distance in scene.mountains:
        steps.append(
            ("mountain", lambda p, s, a=peaks, d=distance: mountains.paint_range(p, scene, a, d))
        )
    for line, distance in scene.hills:
        steps.append(
            ("hill", lambda p, s, a=line, d=distance: mountains.paint_hill(p, scene, a, d))
        )
    return steps


def _middle_tasks(rng: np.random.Generator, scene: Scene) -> list[Task]:
    """Ground, water and what stands at the far shore; the reflection comes last."""
    ground: Task = ("ground", lambda p, s: land.paint_ground(p, scene))
    steps: list[Task] = [ground] if scene.water != "sea" or rng.random() < 0.3 else []
    if scene.water == "none" and scene.season in ("spring", "summer") and rng.random() < 0.3:
        steps.append(("field", lambda p, s: land.paint_fields(p, scene)))
    if "path" in scene.features:
        steps.append(("path", lambda p, s: land.paint_path(p, scene)))
    far = [tree for tree in scene.trees if tree[3] < NEAR_TREE]
    if far:
        steps.append(("tree", lambda p, s: _paint_trees(p, scene, far)))
    if scene.house is not None:
        steps.append(("house", lambda p, s: house.paint_house(p, scene)))
    if scene.water != "none":
        first = len(steps) if rng.random() < 0.5 else (1 if steps[:1] == [ground] else 0)
        steps.insert(first, ("water", lambda p, s: water.paint_water(p, scene)))
        if scene.water != "sea":
            steps.append(("reflection", lambda p, s: water.paint_reflection(p, scene, s.colour_at)))
    return steps


def _foreground_tasks(rng: np.random.Generator, scene: Scene) -> list[Task]:
    near = [tree for tree in scene.trees if tree[3] >= NEAR_TREE]
    steps: list[Task] = []
    if scene.water != "none":
        steps.append(("water", lambda p, s: water.paint_waves(p, scene)))
    if scene.boat is not None:
        steps.append(("boat", lambda p, s: buildings.paint_boat(p, scene)))
    if scene.banks:
        steps.append(("ground", lambda p, s: land.paint_banks(p, scene)))
    if "rocks" in scene.features:
        steps.append(("rock", lambda p, s: land.paint_rocks(p, scene)))
    if near:
        steps.append(("tree", lambda p, s: _paint_trees(p, scene, near)))
    if scene.season not in ("desert", "winter") and rng.random() < 0.5:
        steps.insert(len(steps) - bool(near), ("bush", lambda p, s: plants.paint_bushes(p, scene)))
    if "fence" in scene.features:
        steps.append(("fence", lambda p, s: buildings.paint_fence(p, scene)))
    if scene.season not in ("desert", "winter") and scene.water != "sea":
        at = len(steps) if rng.random() < 0.7 else max(len(steps) - 1, 0)
        steps.insert(at, ("grass", lambda p, s: plants.paint_grass(p, scene)))
    if "flowers" in scene.features and scene.water != "sea":
        steps.append(("flower", lambda p, s: plants.paint_flowers(p, scene)))
    if "birds" in scene.features:
        steps.append(("bird", lambda p, s: sketch_and_details.paint_birds(p, scene)))
    return steps


def _paint_trees(painter: Painter, scene: Scene, which: list) -> None:
    for kind, x, y, size in which:
        trees.paint_tree(painter, scene, kind, x, y, size)
