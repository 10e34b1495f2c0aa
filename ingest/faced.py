"""The canvas of a take with its sides on the painted face, from how it starts and how it ends."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from ingest.canvas import Canvas
from ingest.face import PRIOR_MOVED_PX, PRIOR_PX, margin_view, on_face
from ingest.geometry import pixel_scale, valid_area, warp
from ingest.light import apply_gain
from ingest.middle import middle_look
from ingest.watch import Look

START_FRAMES, END_FRAMES, ALL_IN_VIEW, SAME_SCALE = 3, 7, 0.99, 1.04
"""Frames that show the start and the end of a painting, few at its start, for soon there is paint;
the share of the canvas that they show; and how much their scale may differ from that of most
frames."""


def faced(
    look: Look, used: list[int], on_table: Set[int], canvas: Canvas, light: np.ndarray
) -> Canvas:
    """The canvas with its sides on the painted face.

    Args:
        used: positions of the frames of the main view, rising.
        on_table: those of them in which the table lies where it does in most frames.
        light: float32 (n, 3), factors that bring these frames to one light.
    """
    early, late = _end_numbers(look, used, canvas)
    # Where the table lies elsewhere it has changed as well, and tells little of where paint ends.
    is_firm = all(used[n] in on_table for n in early + late)
    view, size = margin_view(canvas)
    # A side may be painted within the first frames: the very first shows more of it bare.
    first, start, end = (
        _seen(look, used, numbers, view, size, light) for numbers in (early[:1], early, late)
    )
    return on_face(canvas, (start, first), end, PRIOR_PX if is_firm else PRIOR_MOVED_PX)


def _end_numbers(look: Look, used: list[int], canvas: Canvas) -> tuple[list[int], list[int]]:
    """Which of the used frames show the start and the end of the main view.

    Only frames that show all of the canvas, from about where most frames show it, are taken: nearer
    ones see the thickness of the canvas from another angle.
    """
    view, size = margin_view(canvas)
    shape = look.spool.image(used[0]).shape
    whole = [
        n
        for n, i in enumerate(used)
        if valid_area(shape, view @ look.take_from_spooled(i), size).mean() > ALL_IN_VIEW
    ]
    if not whole:
        whole = list(range(len(used)))
    scales = np.array([pixel_scale(view @ look.take_from_spooled(used[n])) for n in whole])
    near = np.abs(np.log(scales / np.median(scales))) < np.log(SAME_SCALE)
    whole = [n for n, is_near in zip(whole, near, strict=True) if is_near]
    return whole[:START_FRAMES], whole[-END_FRAMES:]


def _seen(
    look: Look,
    used: list[int],
    numbers: list[int],
    view: np.ndarray,
    size: tuple[int, int],
    light: np.ndarray,
) -> np.ndarray:
    """What some of the used frames show of a view, in one light, without most hands."""
    looks = [
        apply_gain(
            warp(look.spool.image(used[n]), view @ look.take_from_spooled(used[n]), size), light[n]
        )
        for n in numbers
    ]
    return middle_look(looks)
