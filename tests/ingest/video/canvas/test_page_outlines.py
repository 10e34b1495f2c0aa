"""Outlines of pages: detection, chains over stretches of frames, and false detections."""

import cv2
import numpy as np

from ingest.video.canvas.page_outlines import PageOutline, find_page_outlines, outline_support
from ingest.video.canvas.view_border import is_view_border
from ingest.video.imaging.fill import filled
from ingest.video.imaging.geometry import transform
from ingest.video.placement.page.clips import Clip
from ingest.video.placement.page.outline_chain import chain_outlines
from ingest.video.placement.page.outline_vote import vote_for_outline

SIZE = (320, 240)
LYING = np.array([[80, 40], [250, 55], [240, 200], [70, 190]], np.float64)
OUT_OF_VIEW = np.array([[150, 15], [345, 110], [180, 280], [-30, 150]], np.float64)


def painted(part: float) -> np.ndarray:
    """A canvas 100 px square of which a part is painted: stripes from the left."""
    canvas = np.full((100, 100, 3), 235, np.uint8)
    rng = np.random.default_rng(3)
    for x in range(0, round(100 * part), 10):
        canvas[20:80, x : x + 10] = rng.integers(30, 220, 3)
    return canvas


def filmed(canvas: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The canvas on a table, as a camera sees it."""
    rng = np.random.default_rng(0)
    table = rng.integers(80, 100, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    flat = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    seen = cv2.warpPerspective(canvas, matrix, SIZE)
    shown = cv2.warpPerspective(np.full((100, 100), 255, np.uint8), matrix, SIZE) > 127
    return np.where(shown[..., None], seen, table)


def test_an_outline_is_found_though_a_hand_hides_a_side_in_some_pictures() -> None:
    pictures = [filmed(painted(0.2), LYING) for _ in range(4)]
    for n, picture in enumerate(pictures[:2]):
        cv2.circle(picture, (240, 90 + 60 * n), 30, (150, 110, 90), -1)
    best = find_page_outlines(pictures)[0]
    assert np.abs(best.corners - LYING).max() < 3


def test_corners_may_lie_out_of_view() -> None:
    best = find_page_outlines([filmed(painted(0.3), OUT_OF_VIEW)] * 3)[0]
    offs = [np.abs(np.roll(best.corners, turn, axis=0) - OUT_OF_VIEW).max() for turn in range(4)]
    assert min(offs) < 6


def test_no_outline_is_found_on_a_plain_table_or_in_leaves() -> None:
    rng = np.random.default_rng(1)
    plain = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    leaves = cv2.GaussianBlur(
        rng.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8), (0, 0), 2
    )
    assert find_page_outlines([plain] * 3) == []
    assert all(outline.score < 0.75 for outline in find_page_outlines([leaves] * 3))


def test_outline_support_is_high_on_sides_and_low_off_them() -> None:
    picture = filmed(painted(0.0), LYING)
    assert outline_support(picture, LYING) > 0.9
    assert outline_support(picture, LYING + [25, 12]) < 0.5


def _clip(number: int, part: float, corners: np.ndarray) -> Clip:
    pictures = [filmed(painted(part), corners)] * 3
    return Clip([3 * number, 3 * number + 1], pictures[0], find_page_outlines(pictures))


def test_the_canvas_is_chained_through_views_from_elsewhere() -> None:
    turned = transform(_turn(25), LYING)
    clips = [
        _clip(0, 0.3, LYING),
        _clip(1, 0.4, turned),
        Clip([6, 7], np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), []),
        _clip(3, 0.5, LYING + [10, -8]),
    ]
    chain = chain_outlines(clips)
    assert sorted(chain) == [0, 1, 3]
    wanted = {0: LYING, 1: turned, 3: LYING + [10, -8]}
    # In one order of corners, whatever that is: paint tells how the canvas is turned.
    turn = min(range(4), key=lambda t: np.abs(np.roll(chain[0], t, axis=0) - LYING).max())
    for k, corners in wanted.items():
        assert np.abs(np.roll(chain[k], turn, axis=0) - corners).max() < 4


def _turn(degrees: float) -> np.ndarray:
    middle = LYING.mean(axis=0)
    return np.vstack([cv2.getRotationMatrix2D((middle[0], middle[1]), degrees, 0.9), [0, 0, 1]])


def test_views_agree_on_one_outline() -> None:
    clips = [_clip(k, 0.1 + 0.4 * k, LYING) for k in range(3)]
    cut = LYING.copy()
    cut[2:] -= [0, 60]
    # In one view a line of paint was taken for the lower side: all of its outlines are wrong.
    wrong = Clip(clips[1].frames, clips[1].picture, [PageOutline(cut, 1.0)])
    clips = [clips[0], wrong, clips[2]]
    found = vote_for_outline(clips, [0, 0, 0], dict.fromkeys(range(3), LYING), 0)
    assert all(np.abs(corners - LYING).max() < 4 for corners in found.values())


def test_the_border_of_a_nearer_view_is_no_outline() -> None:
    whole, near = np.eye(3), np.array([[0.6, 0.05, 60], [-0.04, 0.6, 50], [0, 0, 1.0]])
    frame = np.array([[0, 0], [320, 0], [320, 240], [0, 240]], np.float64)
    assert is_view_border(transform(near, frame), [whole, whole, near], SIZE)
    assert not is_view_border(LYING, [whole, whole, near], SIZE)
    assert not is_view_border(transform(near, frame), [whole] * 20 + [near], SIZE)


def test_filling_in_carries_the_light_on() -> None:
    rng = np.random.default_rng(2)
    other = rng.integers(90, 130, (80, 80, 3)).astype(np.uint8)
    known = np.zeros((80, 80), bool)
    known[:, :50] = True
    result = filled(other + 12, known, other)
    assert (result[:, :50] == other[:, :50] + 12).all()
    assert np.abs(result[:, 50:56].astype(int) - other[:, 50:56] - 12).max() <= 2
