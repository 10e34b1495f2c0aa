"""Hands are found by their colours where no table is in view; a painted hand stays paint."""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.footage import Footage
from ingest.video.occlusion.appearance import occluders_by_colour
from ingest.video.occlusion.canvas_history import OcclusionConfig, remove_occluders

SIZE, NUM, SKIN = (80, 100), 90, (190, 130, 105)
TOLERANCE = np.full(SIZE, 13.0, np.float32)


def canvas_at(number: int) -> np.ndarray:
    picture = np.full((*SIZE, 3), 235, np.uint8)
    picture[50:70, : min(number, 60)] = (60, 110, 80)
    return picture


def hand_at(number: int) -> tuple[slice, slice]:
    """A hand from the right that moves now and then, and rests near one place."""
    if number >= 80:
        return slice(0, 0), slice(0, 0)
    left, top = (45 + 8 * (number % 3), 12 + 6 * (number % 4))
    return slice(top, top + 30), slice(left, SIZE[1])


def footage() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    frames = np.stack([canvas_at(n) for n in range(NUM)]).astype(np.float32)
    hidden = np.zeros(frames.shape[:3], bool)
    for number in range(NUM):
        part = hand_at(number)
        hidden[number][part] = True
        frames[number][part] = SKIN + rng.normal(0, 12, (*frames[number][part].shape[:2], 1))
    return np.clip(frames + rng.normal(0, 2, frames.shape), 0, 255).astype(np.uint8), hidden


def test_a_hand_is_found_in_every_frame_also_where_the_first_state_shows_it() -> None:
    frames, hidden = footage()
    valid = np.ones_like(hidden)
    first = canvas_at(0)
    first[hand_at(0)] = SKIN
    found = occluders_by_colour(frames, valid, first, canvas_at(NUM), TOLERANCE)
    assert found[hidden].mean() > 0.97
    assert found[~hidden].mean() < 0.12  # its soft border counts as hidden


def test_what_lies_under_the_hand_is_the_canvas_once_it_is_masked() -> None:
    frames, hidden = footage()
    valid, inside = np.ones_like(hidden), np.ones(SIZE, bool)
    found = occluders_by_colour(frames, valid, canvas_at(0), canvas_at(NUM), TOLERANCE)
    history = remove_occluders(
        frames, valid & ~found, inside, Footage.SCREEN, OcclusionConfig(side_px=64)
    )
    for b, moment in enumerate(history.representative_frames):
        off = np.abs(history.states[b].astype(int) - canvas_at(int(moment))).max(axis=2)
        assert (off > 60).mean() < 0.03  # at most what is painted while the bin lasts


def test_paint_is_no_hand() -> None:
    frames = np.stack([canvas_at(n) for n in range(NUM)])
    frames[:, 10:30, 40:70] = SKIN  # a hand in the picture
    valid = np.ones(frames.shape[:3], bool)
    assert not occluders_by_colour(frames, valid, frames[0], frames[-1], TOLERANCE).any()


def test_what_is_never_seen_is_inpainted_from_its_neighbours() -> None:
    frames, hidden = footage()
    valid = np.ones_like(hidden)
    valid[:, 20:30, 90:] = False
    frames[:, 20:30, 90:] = SKIN
    history = remove_occluders(
        frames, valid & ~hidden, np.ones(SIZE, bool), Footage.SCREEN, OcclusionConfig(side_px=64)
    )
    assert history.never_seen[22:28, 94:].all()
    assert np.abs(history.states[-1][22:28, 94:].astype(int) - 235).max() < 20


def test_paint_in_colours_of_a_hand_is_paint_where_exposure_jumps_from_view_to_view() -> None:
    frames, hidden = footage()
    dune = slice(62, 80), slice(0, SIZE[1])
    for number in range(25, NUM):
        part = ~hidden[number][dune]
        frames[number][dune][part] = (215, 150, 120)
    # The last view has another exposure, so the dune is like neither the first state nor the last.
    frames[70:] = (frames[70:] * [0.75, 0.9, 1.0]).astype(np.uint8)
    valid = np.ones_like(hidden)
    states = canvas_at(0), frames[-1]
    multi_view = occluders_by_colour(frames, valid, *states, TOLERANCE, is_reframed=True)
    paint = np.zeros_like(hidden)
    paint[30:70][(slice(None), *dune)] = True
    paint &= ~hidden
    assert multi_view[paint].mean() < 0.15
    assert multi_view[:70][hidden[:70]].mean() > 0.9
    assert (
        occluders_by_colour(frames, valid, *states, TOLERANCE)[paint].mean()
        > multi_view[paint].mean()
    )
