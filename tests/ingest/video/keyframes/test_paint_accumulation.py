"""Paint accumulates and stays; cards, slides and swaying things do not."""

from __future__ import annotations

import numpy as np

from ingest.video.keyframes.paint_accumulation import (
    AccumulationConfig,
    still_share,
    why_no_painting,
)

SIZE, NUM = (120, 150), 40
RNG = np.random.default_rng(5)
COLOURS = RNG.integers(0, 200, (NUM, 3))
CONFIG = AccumulationConfig()


def painting() -> np.ndarray:
    """Stroke next to stroke, from a blank canvas on."""
    canvas, states = np.full((*SIZE, 3), 235, np.uint8), []
    for number in range(NUM):
        canvas[:, 3 * number : 3 * number + 4] = COLOURS[number]
        states.append(canvas.copy())
    return np.stack(states)


def test_a_painting_is_accepted() -> None:
    states = painting()
    assert still_share(list(states)) < 0.1
    assert why_no_painting(states, list(states), CONFIG) == ""


def test_cards_that_follow_each_other_stand_still() -> None:
    cards = RNG.integers(0, 255, (4, *SIZE, 3)).astype(np.uint8)
    shown = [cards[n // 10] for n in range(NUM)]
    assert still_share(shown) > 0.9
    assert "stand still" in why_no_painting(cards, shown, CONFIG)


def test_a_picture_that_comes_at_once_is_not_painted() -> None:
    states = np.full((NUM, *SIZE, 3), 235, np.uint8)
    states[20:] = (60, 90, 120)
    moving = list(painting())
    assert "at once" in why_no_painting(states, moving, CONFIG)


def test_what_goes_back_and_forth_does_not_add_up() -> None:
    states = np.full((NUM, *SIZE, 3), 200, np.uint8)
    for number in range(NUM):
        left = 60 + (0, 6, 12, 6)[number % 4]
        states[number, 40:70, left : left + 20] = (90, 60, 50)
    states[-1, 40:70, 60:66] = 200
    moving = list(painting())
    assert "back and forth" in why_no_painting(states, moving, CONFIG)


def test_a_small_thing_that_is_painted_adds_up() -> None:
    states = np.full((NUM, *SIZE, 3), 200, np.uint8)
    for number in range(NUM):
        states[number:, 50:60, 40 + number : 42 + number] = (90, 60, 50)
    assert why_no_painting(states, list(painting()), CONFIG) == ""


def test_a_single_state_is_no_painting() -> None:
    moving = list(painting())
    assert "all at once" in why_no_painting(painting()[-1:], moving, CONFIG)
