"""The canvas of a take with its sides on the painted face, from how it starts and how it ends."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.face import PRIOR_MOVED_PX, PRIOR_PX, Painting, margin_view, on_face
from ingest.video.imaging.geometry import pixel_scale, valid_area, warp
from ingest.video.imaging.median import middle_look
from ingest.video.lighting.light import apply_gain
from ingest.video.registration.observation import Look

START_FRAMES, END_FRAMES, ALL_IN_VIEW, SAME_SCALE = 3, 7, 0.99, 1.04
"""Frames that show the start and the end of a painting, few at its start, for soon there is paint;
the share of the canvas that they show; and how much their scale may differ from that of most
frames."""
MIDDLE_SHARES = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)
"""Where, in those frames, lie the ones that tell how it looks in between."""


def faced(
    look: Look, used: list[int], on_table: Set[int], canvas: Canvas, light: np.ndarray
) -> Canvas:
    """The canvas with its sides on the painted face.

    Args:
        used: positions of the frames of the main view, rising.
        on_table: those of them in which the table lies where it does in most frames.
        light: float32 (n, 3), factors that bring these frames to one light.
    """
    whole = _whole_numbers(look, used, canvas)
    view, size = margin_view(canvas)

    def seen(numbers: list[int]) -> np.ndarray:
        return _seen(look, used, numbers, view, size, light)

    early, late = whole[:START_FRAMES], whole[-END_FRAMES:]
    middle = [whole[round(share * (len(whole) - 1))] for share in MIDDLE_SHARES]
    firm = [n for n in whole if used[n] in on_table]
    start, end = seen(early), seen(late)
    told = []
    # Where the table lies elsewhere it has changed as well, and tells little of where paint ends.
    prior_px = PRIOR_PX if {*early, *late} <= {*firm} else PRIOR_MOVED_PX
    if prior_px != PRIOR_PX and len(firm) >= START_FRAMES + END_FRAMES:
        told.append(Painting(seen(firm[:START_FRAMES]), seen(firm[-END_FRAMES:])))
    # A side may be painted within the first frames: the very first shows more of it bare.
    told += [Painting(start, end, prior_px), Painting(seen(early[:1]), end, prior_px)]
    if {*early, *middle} <= {*firm}:
        # What ends as light as the bare canvas had another colour in between, maybe.
        told.append(Painting(start, seen(middle)))
    return on_face(canvas, told)


def _whole_numbers(look: Look, used: list[int], canvas: Canvas) -> list[int]:
    """Which of the used frames tell the sides of the canvas.

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
    return [n for n, is_near in zip(whole, near, strict=True) if is_near]


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
