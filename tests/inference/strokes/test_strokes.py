"""Strokes as data, and as paint."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.strokes.brushwork import Brushwork, Patch
from inference.strokes.fill import region_colours
from inference.strokes.medium import MEDIA, NUM_LEVELS, medium_named
from inference.strokes.placement import Brush, place_strokes
from inference.strokes.rasteriser import draw_strokes
from inference.strokes.strokes import Strokes
from inference.strokes.underdrawing import underdrawing
from ingest.conventions.errors import UserError

GROUND = np.array([250, 247, 240], np.uint8)


@pytest.fixture
def picture() -> np.ndarray:
    """Sky, ground and a red square: RGB uint8 (96, 128, 3)."""
    image = np.empty((96, 128, 3), np.uint8)
    image[:50], image[50:] = (120, 160, 220), (110, 90, 40)
    image[40:70, 50:90] = (200, 30, 30)
    return image


def _blank(picture: np.ndarray) -> np.ndarray:
    return np.full_like(picture, GROUND)


def _strokes(picture: np.ndarray, seed: int = 0) -> Strokes:
    everything = np.ones(picture.shape[:2], bool)
    directions = np.zeros(picture.shape[:2], np.float32)
    return place_strokes(
        picture.astype(np.float32), everything, everything, directions, Brush(12),
        np.random.default_rng(seed),
    )  # fmt: skip


def test_strokes_of_json_are_those_that_were_written_up_to_its_two_decimals(
    picture: np.ndarray,
) -> None:
    strokes = _strokes(picture)
    read = Strokes.from_json(json.loads(json.dumps(strokes.to_json())))
    assert np.abs(read.x - strokes.x).max() <= 0.0051
    assert np.array_equal(read.colour, strokes.colour)


def test_paint_stays_where_it_is_allowed(picture: np.ndarray) -> None:
    canvas, allowed = _blank(picture), np.zeros(picture.shape[:2], np.float32)
    allowed[:, 64:] = 1
    for _ in draw_strokes(canvas, _strokes(picture), picture, allowed, "bristle", "cover"):
        pass
    assert (canvas[:, :64] == GROUND).all()
    assert (canvas[:, 64:] != GROUND).any(axis=2).mean() > 0.9


def test_washes_never_make_paper_lighter(picture: np.ndarray) -> None:
    canvas = np.full_like(picture, 100)
    allowed = np.ones(picture.shape[:2], np.float32)
    for _ in draw_strokes(canvas, _strokes(picture), picture, allowed, "wash", "darken"):
        pass
    assert canvas.max() <= 100
    assert canvas.min() < 60


@given(st.integers(0, 2**31))
def test_the_same_seed_places_the_same_strokes(seed: int) -> None:
    image = np.full((40, 40, 3), 90, np.uint8)
    assert _strokes(image, seed).to_json() == _strokes(image, seed).to_json()


def test_the_colours_of_a_region_hold_nothing_of_its_neighbours(picture: np.ndarray) -> None:
    region = np.zeros(picture.shape[:2], bool)
    region[:40] = True
    colours = region_colours(picture, region, 6.0)
    assert np.abs(colours - (120, 160, 220)).max() < 1.0


@pytest.mark.parametrize("name", sorted(MEDIA))
def test_a_patch_arrives_at_the_picture_to_the_bit_and_leaves_the_rest_alone(
    picture: np.ndarray, name: str
) -> None:
    work = Brushwork(picture, medium_named(name), GROUND, seed=3)
    canvas, mask = _blank(picture), np.zeros(picture.shape[:2], bool)
    mask[20:90, 30:100] = True
    for level in range(1, NUM_LEVELS + 1):
        work.paint(canvas, Patch(np.ones_like(mask), mask, mask, level, (level,)))
    assert np.array_equal(canvas[mask], picture[mask])
    assert (canvas[~mask] == GROUND).all()


@pytest.mark.parametrize("name", ["oil", "acrylic", "digital"])
def test_a_blocked_in_region_has_no_holes(picture: np.ndarray, name: str) -> None:
    work = Brushwork(picture, medium_named(name), GROUND, seed=1)
    canvas, mask = _blank(picture), np.zeros(picture.shape[:2], bool)
    mask[:45] = True
    work.paint(canvas, Patch(mask, mask, mask, 1, (0,)))
    assert (work.is_bare(canvas) & mask).mean() <= 0.01


def test_strokes_of_finer_levels_come_closer_to_the_picture(picture: np.ndarray) -> None:
    work = Brushwork(picture, medium_named("oil"), GROUND, seed=1)
    canvas, mask = _blank(picture), np.ones(picture.shape[:2], bool)
    errors = []
    for level in range(1, NUM_LEVELS + 1):
        work.paint(canvas, Patch(mask, mask, mask, level, (level,)))
        errors.append(float(np.abs(canvas.astype(float) - picture).mean()))
    assert errors == sorted(errors, reverse=True)


def test_an_underdrawing_follows_the_edges(picture: np.ndarray) -> None:
    lines = underdrawing(picture, seed=0)
    distance_to_horizon = np.abs(lines.y - 50)
    in_open_sky = (lines.y < 30) & (lines.x > 10) & (lines.x < 118)
    assert (distance_to_horizon < 3).any()
    assert not in_open_sky.any()


def test_a_picture_without_edges_has_no_underdrawing() -> None:
    assert len(underdrawing(np.full((64, 64, 3), 128, np.uint8), seed=0)) == 0


def test_an_unknown_medium_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"gouache.*oil, acrylic, watercolour, pencil, digital"):
        medium_named("gouache")
