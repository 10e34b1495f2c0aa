from __future__ import annotations

import numpy as np
import pytest

from ingest.studio.filming.hand import Hand, composite_hand, make_hand
from ingest.studio.scene.palette import rgb

GREEN = rgb("#00ff00")


@pytest.fixture(scope="module")
def hand() -> Hand:
    return make_hand(np.random.default_rng(2), 120.0)


def test_the_hand_lies_at_the_tip_and_below(hand: Hand) -> None:
    frame = np.full((200, 260, 3), 230, np.uint8)
    coverage = composite_hand(frame, hand, (60.0, 60.0), 0.0, GREEN)
    assert coverage is not None
    assert coverage[120:, 150:].mean() > coverage[:60, :60].mean()
    covered = coverage > 200
    assert np.abs(frame[covered].astype(int) - 230).max(axis=1).mean() > 30


def test_the_brush_carries_the_paint(hand: Hand) -> None:
    frame = np.full((200, 260, 3), 230, np.uint8)
    composite_hand(frame, hand, (60.0, 60.0), 0.0, GREEN)
    near = frame[50:64, 58:72].reshape(-1, 3).astype(int)
    assert (near[:, 1] - near[:, 0]).max() > 60


def test_a_hand_far_away_changes_nothing(hand: Hand) -> None:
    frame = np.full((100, 100, 3), 200, np.uint8)
    assert composite_hand(frame, hand, (900.0, 900.0), 0.1, GREEN) is None
    assert (frame == 200).all()
