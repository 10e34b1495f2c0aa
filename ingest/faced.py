"""The canvas of a take with its sides on the painted face, from how it starts and how it ends."""

from __future__ import annotations

import numpy as np

from ingest.canvas import Canvas
from ingest.face import margin_view, on_face
from ingest.geometry import pixel_scale, valid_area, warp
from ingest.light import apply_gain
from ingest.middle import middle_look
from ingest.watch import Look

END_FRAMES, ALL_IN_VIEW, SAME_SCALE = 7, 0.99, 1.04
"""Frames that show the start and the end of a painting; the share of the canvas that they show; and
how much their scale may differ from that of most frames."""


def faced(look: Look, used: list[int], canvas: Canvas, light: np.ndarray) -> Canvas:
    """The canvas with its sides on the painted face.

    Args:
        used: positions of the frames of the main view, rising.
        light: float32 (n, 3), factors that bring these frames to one light.
    """
    return on_face(canvas, *_ends(look, used, canvas, light))


def _ends(
    look: Look, used: list[int], canvas: Canvas, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The canvas and a margin at the start and at the end of the main view, without most hands.

    Only frames that show all of it, from about where most frames show it, are taken: nearer ones
    see the thickness of the canvas from another angle.
    """
    view, size = margin_view(canvas)
    shape = look.spool.image(used[0]).shape
    whole = [
        n
        for n, i in enumerate(used)
        if valid_area(shape, view @ look.take_from_spooled(i), size).mean() > ALL_IN_VIEW
    ]
    scales = np.array([pixel_scale(view @ look.take_from_spooled(used[n])) for n in whole])
    near = np.abs(np.log(scales / np.median(scales))) < np.log(SAME_SCALE)
    whole = [n for n, is_near in zip(whole, near, strict=True) if is_near] or list(range(len(used)))
    ends = []
    for numbers in (whole[:END_FRAMES], whole[-END_FRAMES:]):
        looks = [
            apply_gain(
                warp(look.spool.image(used[n]), view @ look.take_from_spooled(used[n]), size),
                light[n],
            )
            for n in numbers
        ]
        ends.append(middle_look(looks))
    return ends[0], ends[1]
