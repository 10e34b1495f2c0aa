"""Occluders are separated from paint: by the table, by colours that come back, by whole runs."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.canvas.footage import Footage
from ingest.video.imaging.median import upper_median
from ingest.video.occlusion.canvas_history import OcclusionConfig, remove_occluders
from ingest.video.occlusion.dominant_colours import find_dominant_colours
from ingest.video.occlusion.paint_changes import find_paint_changes, with_clearest_frames
from ingest.video.occlusion.table_background import TableBackground

NUM, MARGIN, CANVAS = 120, 10, (64, 96)
SIZE = (CANVAS[0] + 2 * MARGIN, CANVAS[1] + 2 * MARGIN)
INSIDE = np.zeros(SIZE, bool)
INSIDE[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
SKIN, RED, BLUE = (205, 150, 125), (150, 70, 60), (70, 110, 190)
CONFIG = OcclusionConfig(side_px=64)


def canvas_at(number: int) -> np.ndarray:
    """The table with the canvas on it: red from frame 20 on, blue above from frame 60 on."""
    picture = np.full((*SIZE, 3), (110, 80, 60), np.uint8)
    inner = picture[MARGIN:-MARGIN, MARGIN:-MARGIN]
    inner[:] = 235 if number < 20 else RED
    if number >= 60:
        inner[:30] = BLUE
    return picture


def footage(occluder: object) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frames = np.stack([canvas_at(n) for n in range(NUM)]).astype(np.float32)
    for number in range(NUM):
        occluder(number, frames[number])  # pyright: ignore
    noisy = np.clip(frames + rng.normal(0, 2, frames.shape), 0, 255).astype(np.uint8)
    return noisy, np.ones(noisy.shape[:3], bool)


def resting(number: int, frame: np.ndarray) -> None:
    """A second hand that lies on table and canvas for half a minute, while nothing comes back."""
    if 30 <= number < 75:
        cv2.rectangle(frame, (0, 24), (40, 52), SKIN, -1)


def test_a_hand_that_rests_from_the_table_onto_the_canvas_is_an_occluder() -> None:
    frames, valid = footage(resting)
    history = remove_occluders(frames, valid, INSIDE, Footage.TABLE, CONFIG)
    for b, members in enumerate(history.bins):
        if members[0] >= 32 and members[-1] < 58:
            seen = history.states[b][MARGIN:-MARGIN, MARGIN:-MARGIN].astype(int)
            assert (np.abs(seen - RED).max(axis=2) < 25).mean() > 0.98


def resting_twice(number: int, frame: np.ndarray) -> None:
    """The same hand for most of the video, in another light for some of it, gone for a while."""
    if 30 <= number < 75 or 84 <= number < 114:
        cv2.rectangle(frame, (0, 24), (40, 52), SKIN, -1)
    if 36 <= number < 45:
        frame *= 0.9


def test_a_hand_that_rests_for_most_of_the_time_does_not_become_the_table_background() -> None:
    frames, valid = footage(resting_twice)
    history = remove_occluders(frames, valid, INSIDE, Footage.TABLE, CONFIG)
    for members, state in zip(history.bins, history.states, strict=True):
        is_skin = np.abs(state - np.array(SKIN, float)).max(axis=2) < 30
        assert is_skin[INSIDE].mean() < 0.002, members
        # What is painted next to it is seen in time.
        seen = np.abs(state.astype(int) - canvas_at(int(members[-1]))).max(axis=2) < 30
        assert seen[MARGIN:22, MARGIN:-MARGIN].mean() > 0.98 or members[0] < 24, members


def rag(number: int, frame: np.ndarray) -> None:
    """A rag, as white as the blank canvas was, that lies on table and canvas for a while."""
    if 36 <= number < 78:
        corner = np.array([[0, 30], [0, SIZE[0]], [54, SIZE[0]]])
        cv2.fillConvexPoly(frame, corner, (235, 235, 235))


def test_a_rag_as_white_as_the_blank_canvas_is_an_occluder_and_the_paint_under_it_is_not() -> None:
    frames, valid = footage(rag)
    history = remove_occluders(frames, valid, INSIDE, Footage.TABLE, CONFIG)
    for b, members in enumerate(history.bins):
        if members[0] >= 24 and members[-1] < 58:
            seen = history.states[b][MARGIN:-MARGIN, MARGIN:-MARGIN].astype(int)
            assert (np.abs(seen - RED).max(axis=2) < 25).mean() > 0.98, b


def arm(number: int, frame: np.ndarray) -> None:
    """An arm that works on the blue part and leaves now and then."""
    if 50 <= number < 90 and number % 10 < 7:
        x = 30 + 7 * (number % 10)
        cv2.line(frame, (x, 30), (x + 60, SIZE[0]), SKIN, 12)


def test_changes_are_found_to_the_frame_and_bins_are_represented_by_clear_frames() -> None:
    frames, valid = footage(arm)
    history = remove_occluders(frames, valid, INSIDE, Footage.TABLE, CONFIG)
    changes = find_paint_changes(TableBackground(frames, INSIDE), valid, history)
    better = with_clearest_frames(history, changes, INSIDE, frames, valid)
    for moment, state in zip(better.representative_frames, better.states, strict=True):
        off = np.abs(state.astype(int) - canvas_at(int(moment))).max(axis=2) > 25
        # Exact, except for the few frames in which the arm hides what is being painted.
        assert off[INSIDE].mean() < (0.12 if 58 <= moment < 70 else 0.02)
    hidden = [n % 10 < 7 for n in better.representative_frames if 50 <= n < 90]
    assert np.mean(hidden) < 0.6


def test_most_frames_decide_a_colour_even_if_a_hand_is_there_half_of_the_time() -> None:
    frames = np.full((10, *SIZE, 3), 100, np.uint8)
    frames[::2] = np.arange(5, dtype=np.uint8)[:, None, None, None] * 40 + 20
    colours = find_dominant_colours(frames, np.ones(frames.shape[:3], bool), 2, 13.0, 0.5)
    assert (colours.colour == 100).all()
    assert colours.reliable.all()
    assert not colours.unanimous.any()


def test_the_middle_look_is_the_upper_median() -> None:
    rng = np.random.default_rng(0)
    for number in (1, 2, 3, 5, 6, 7):
        looks = rng.integers(0, 255, (number, 9, 11, 3), dtype=np.uint8)
        np.testing.assert_array_equal(upper_median(looks), np.sort(looks, axis=0)[number // 2])
