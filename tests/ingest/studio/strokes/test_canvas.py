"""Rendering strokes on the canvas: clips, progress, undo, textures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ingest.studio.scene.palette import rgb
from ingest.studio.strokes.canvas import PaintedCanvas, textures
from ingest.studio.strokes.stroke import BLEND, DAB, DRY, FLAT, Clip, Stroke, Touch

GESSO = rgb("#f0f0f0")


def make_stroke(touch: Touch = FLAT, clip: Clip | None = None, width: float = 0.2) -> Stroke:
    path = np.array([(0.2, 0.5), (0.5, 0.45), (0.8, 0.5)], np.float32)
    return Stroke(path, width, rgb("#103080"), rgb("#204090"), touch, (1, 20, 30), clip)


def make_canvas() -> PaintedCanvas:
    return PaintedCanvas(120, 100, GESSO, 3)


def test_blank_canvas_has_the_ground_colour_and_a_weave() -> None:
    picture = make_canvas().picture()
    assert picture.shape == (100, 120, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - GESSO).max() < 5
    assert picture.std() > 0.5


@pytest.mark.parametrize("touch", [FLAT, BLEND, DAB, DRY])
def test_a_stroke_changes_its_window_only(touch: Touch) -> None:
    canvas = make_canvas()
    before = canvas.picture().copy()
    box = canvas.apply(make_stroke(touch))
    assert box is not None
    after = canvas.picture()
    changed = np.any(before != after, axis=2)
    # Relief throws light one pixel further.
    top, bottom, left, right = box[0] - 1, box[1] + 1, box[2] - 1, box[3] + 1
    outside = changed.copy()
    outside[max(top, 0) : bottom, max(left, 0) : right] = False
    assert changed.sum() > 300
    assert not outside.any()


def test_a_full_flat_stroke_reaches_its_colour_in_the_middle() -> None:
    canvas = make_canvas()
    canvas.apply(make_stroke(replace(FLAT, dryness=0.0, exhaustion=0.0, streaks=0.0)))
    middle = canvas.colour[45:49, 55:65].reshape(-1, 3).mean(axis=0)
    mixed = rgb("#103080") * 0.65 + rgb("#204090") * 0.35
    assert np.abs(middle - mixed).max() < 14


def test_paint_stays_inside_a_clip() -> None:
    half = np.array([(0, 0), (0.5, 0), (0.5, 1), (0, 1)], np.float32)
    canvas = make_canvas()
    canvas.apply(make_stroke(clip=Clip(half, 0.002)))
    assert canvas.region_alpha[:, :46].max() > 0.5
    assert canvas.region_alpha[:, 54:].max() < 0.01


def test_a_stroke_off_the_canvas_is_none() -> None:
    path = np.array([(3.0, 3.0), (3.2, 3.0)], np.float32)
    stroke = Stroke(path, 0.1, GESSO, GESSO, FLAT, (0, 0, 0))
    assert make_canvas().apply(stroke) is None


def test_progress_grows_along_the_stroke() -> None:
    reached = []
    for progress in (0.25, 0.5, 1.0):
        canvas = make_canvas()
        canvas.apply(make_stroke(), progress)
        reached.append(int(np.flatnonzero(canvas.region_alpha.max(axis=0) > 0.3).max()))
    assert reached[0] + 8 < reached[1]
    assert reached[1] + 15 < reached[2]


def test_restore_undoes_a_stroke_exactly() -> None:
    canvas = make_canvas()
    canvas.apply(make_stroke(DAB))
    before = canvas.picture().copy()
    stroke = make_stroke(FLAT, width=0.3)
    box = canvas.window_of(stroke)
    assert box is not None
    saved = canvas.save(box)
    canvas.apply(stroke, 0.6)
    assert np.any(canvas.picture() != before)
    canvas.restore(box, saved)
    assert np.array_equal(canvas.picture(), before)


def test_dry_strokes_leave_gaps() -> None:
    alphas = []
    for dryness in (0.0, 0.5):
        canvas = make_canvas()
        canvas.apply(make_stroke(replace(FLAT, dryness=dryness, exhaustion=0.0)))
        alphas.append(float(canvas.region_alpha[42:52, 30:90].mean()))
    assert alphas[0] > 0.85
    assert alphas[1] < alphas[0] - 0.25


@pytest.mark.parametrize("stipple", [False, True])
def test_texture_thresholds_are_shares_of_the_surface(stipple: bool) -> None:
    bank = textures(stipple)
    assert bank.dtype == np.float32
    assert abs(float((bank[0, :, :, 0] < 0.3).mean()) - 0.3) < 1e-3
