"""Where the canvas is in every frame, and in what light: poses settled, corners, gains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.conventions.errors import Refusal
from ingest.video.canvas.canvas import (
    Canvas,
    CanvasConfig,
    edge_strength,
    find_canvas,
    lasting_change,
    whole_frame,
)
from ingest.video.canvas.view_border import is_view_border
from ingest.video.imaging.geometry import transform
from ingest.video.lighting.background_light import surrounding_gains
from ingest.video.placement.displacement import bring_back
from ingest.video.placement.drift import undrift
from ingest.video.placement.edge_refinement import faced
from ingest.video.placement.shot_linking import link_views
from ingest.video.registration.composites import composites_of, opening_of
from ingest.video.registration.observation import MIN_FRAMES, Look
from ingest.video.registration.settling import settle_frames, settle_on_all, steady_frames
from ingest.video.segmentation.segmenter import SegmenterConfig
from ingest.video.segmentation.segmenting import told_canvas

LIGHT_SCALE = 0.25
"""Scale, of take coordinates, at which the light of the surroundings is compared."""
SETTLINGS = 2
"""How often frames are settled, each time on sharper composites."""


@dataclass(frozen=True, eq=False)
class Placed:
    """The canvas in the frames of the main view."""

    used: list[int]
    """Positions among the frames looked at of the frames that show the canvas (n)."""
    canvas: Canvas
    gains: np.ndarray | None
    """float32 (n, 3), where the surroundings of the canvas tell the light."""
    views: list[int] | None = None
    """The view, with a light of its own, that each frame belongs to (n); None: all one."""


def place_canvas(look: Look, name: str, config: CanvasConfig, segmenter: SegmenterConfig) -> Placed:
    """Find the canvas in all frames.

    Args:
        name: of the video, for messages.

    Raises:
        Refusal: canvas-lost.
    """
    used = link_views(look)
    if len(used) < MIN_FRAMES:
        raise Refusal(
            "canvas-lost",
            f"no view of {name} lasts for {MIN_FRAMES} of its {len(look.looked)} "
            "frames: the camera or the canvas moves too much to be followed",
        )
    size = look.looked[0].grey.shape[1], look.looked[0].grey.shape[0]
    composites, firm = composites_of(look, used, size), dict[int, float]()
    for _ in range(SETTLINGS):
        used, firm = settle_frames(look, used, composites, lambda c: _about(c, None, config))
        composites = composites_of(look, used, size)
    used, firm, moved, composites = _laid(look, used, firm, composites, config)
    canvas = told_canvas(composites, segmenter)
    if canvas is None:
        poses = [look.looked[i].pose.matrix for i in used]
        canvas = _found(composites, opening_of(look, used, size), poses, config)
    gains = _light(look, used, moved, canvas, size)
    if gains is not None:
        canvas = faced(look, used, firm.keys() - moved.keys(), canvas, gains)
    return Placed(used, canvas, gains)


def _laid(
    look: Look,
    used: list[int],
    firm: dict[int, float],
    composites: list[np.ndarray],
    config: CanvasConfig,
) -> tuple[list[int], dict[int, float], dict[int, np.ndarray], list[np.ndarray]]:
    """Lay frames onto the canvas that the table does not place, or places elsewhere.

    Returns the frames that show the canvas, those that are registered to what lasts with the share
    of it that they show, what brought those back in which the canvas was moved, and composites of
    all as they lie now.
    """
    size = composites[0].shape[1], composites[0].shape[0]
    about = _about(composites, opening_of(look, used, size), config)
    moved = bring_back(look, used, firm.keys(), composites, about)
    laid = [] if moved else settle_on_all(look, firm, composites, about)
    drifted = set[int]() if moved else undrift(look, used, firm, about)
    firm = {i: shown for i, shown in firm.items() if i not in drifted}
    if about.kind == "quad":
        loose = [i for i in used if i not in firm]
        steadied = steady_frames(look, loose, sorted({*firm, *drifted}), about)
        # Where the canvas was moved, a frame that shows neither it nor the table may be anywhere.
        used = sorted({*firm, *steadied}) if moved else used
        if moved or laid or steadied:
            composites = composites_of(look, used, size)
    return used, firm, moved, composites


def _found(
    composites: list[np.ndarray], opening: np.ndarray, poses: list[np.ndarray], config: CanvasConfig
) -> Canvas:
    """The canvas as all of a take shows it, or else as parts of it do."""
    canvases = part_canvases(composites, opening, config)
    whole = next(canvases)
    if whole.kind == "quad":
        return whole
    part = max([whole, *canvases], key=_outlined)
    size = (opening.shape[1], opening.shape[0])
    if part.kind == "quad" and is_view_border(part.corners, poses, size):
        return whole_frame(composites, config)
    return part


def _about(
    composites: list[np.ndarray], opening: np.ndarray | None, config: CanvasConfig
) -> Canvas:
    """The canvas as most of a take shows it, or as its first or last half does, should it have been
    moved in between."""
    return max(part_canvases(composites, opening, config), key=_outlined)


def part_canvases(
    composites: list[np.ndarray], opening: np.ndarray | None, config: CanvasConfig
) -> Iterator[Canvas]:
    """The canvas as all of a take shows it, and as its first and its last half do."""
    middle, change = len(composites) // 2, lasting_change(composites, opening)
    strengths = [edge_strength(composite) for composite in composites]
    for part in (slice(None), slice(middle), slice(middle, None)):
        if composites[part]:
            # Before its last half the canvas may have lain elsewhere: the edges of the opening
            # would take some of its sides there.
            early = None if part.start else opening
            yield find_canvas(composites[part], config, change, early, strengths[part])


def _outlined(canvas: Canvas) -> tuple[bool, float]:
    return canvas.kind == "quad", canvas.score


def _light(
    look: Look, used: list[int], moved: dict[int, np.ndarray], canvas: Canvas, size: tuple[int, int]
) -> np.ndarray | None:
    """Light by the surroundings of the canvas, where there are any."""
    # The table lies still where the canvas was brought back: there its own place counts.
    on_table = {i: np.linalg.inv(back) for i, back in moved.items()}
    places = {back.tobytes(): transform(back, canvas.corners) for back in on_table.values()}
    return surrounding_gains(
        [look.looked[i].small for i in used],
        [on_table.get(i, np.eye(3)) @ look.take_from_small(i) for i in used],
        [canvas.corners, *places.values()],
        size,
        LIGHT_SCALE,
    )
