"""Stretches of frames that lie off all together are brought back by the canvas beside them."""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import transform
from ingest.video.placement.drift import undrift
from tests.ingest.video.scenes import CORNERS, scene, still

CANVAS = Canvas(CORNERS, "quad", 1.5)
SHEARED = np.array([[1, 0.02, -4], [0.004, 1, 1.5], [0, 0, 1.0]])


def errors(sheared: range, firm: dict[int, float]) -> tuple[set[int], np.ndarray]:
    """What was brought back, and how far off corners of the canvas then lie in every frame."""
    look = still([scene(20 + 3 * n) for n in range(48)])
    for i in sheared:
        look.lay(i, SHEARED)
    found = undrift(look, list(range(48)), firm, CANVAS)
    poses = [look.looked[i].pose.matrix for i in range(48)]
    return found, np.array([np.abs(transform(p, CORNERS) - CORNERS).max() for p in poses])


def test_stretches_are_brought_back_one_after_another() -> None:
    found, off = errors(range(24), dict.fromkeys(range(24, 48), 0.8))
    assert found == set(range(24))
    assert np.abs(transform(SHEARED, CORNERS) - CORNERS).max() > 2.5
    assert off.max() < 0.5


def test_what_shows_next_to_nothing_of_the_table_holds_no_stretch() -> None:
    faint = dict.fromkeys(range(24), 0.1)
    found, off = errors(range(24), faint | dict.fromkeys(range(24, 48), 0.8))
    assert found == set(range(24))
    assert off.max() < 0.5


def test_what_is_held_stays() -> None:
    found, off = errors(range(24), dict.fromkeys(range(0, 48, 2), 0.8))
    assert not found
    assert off[:24].min() > 2.5


def test_where_nothing_is_held_nothing_is_done() -> None:
    assert errors(range(24), {})[0] == set()
