"""The table around a canvas reveals scene changes and arms that reach in."""

import numpy as np

from ingest.video.occlusion.table_background import SCENE_CHANGE_MARGIN_FRAMES, TableBackground

NUMBER, SIDE = 40, 60


def _film() -> tuple[np.ndarray, np.ndarray]:
    """A grained table with a canvas that is painted, and an arm in front now and then."""
    rng = np.random.default_rng(3)
    table = rng.normal((150, 110, 70), 12, (SIDE, SIDE, 3)).clip(0, 255)
    frames = np.repeat(table[None], NUMBER, axis=0)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[12:48, 12:48] = True
    for n in range(NUMBER):
        frames[n, inside] = (230 - 4 * n, 230 - 3 * n, 225)
        if n % 4 == 1:
            frames[n, 36:, 10:40] = (205, 160, 130)
    return frames.astype(np.uint8), inside


def _scene_changes(frames: np.ndarray, inside: np.ndarray) -> list[int]:
    flat = np.full(inside.shape, 13, np.float32)
    found = TableBackground(frames, inside).scene_changes(np.ones(frames.shape[:3], bool), flat)
    return np.flatnonzero(found).tolist()


def test_paint_and_arms_are_no_scene_change() -> None:
    assert _scene_changes(*_film()) == []


def test_a_dissolve_into_a_card_is_a_scene_change() -> None:
    frames, inside = _film()
    for n, share in zip(range(36, NUMBER), (0.05, 0.4, 0.7, 0.95), strict=True):
        frames[n] = (1 - share) * frames[n] + share * np.array((240, 240, 230))
    assert _scene_changes(frames, inside) == list(range(37 - SCENE_CHANGE_MARGIN_FRAMES, NUMBER))


def test_a_nearer_view_that_shows_no_table_is_no_scene_change() -> None:
    frames, inside = _film()
    frames[20] = 255
    valid = np.ones(frames.shape[:3], bool)
    valid[20] = inside
    flat = np.full(inside.shape, 13, np.float32)
    assert not TableBackground(frames, inside).scene_changes(valid, flat).any()


def test_a_hand_from_where_the_table_is_out_of_view_is_no_new_paint() -> None:
    frames, inside = _film()
    hand, paint = np.zeros_like(inside), np.zeros_like(inside)
    hand[20:30, 6:24], paint[34:42, 30:40] = True, True
    valid = np.ones(frames.shape[:3], bool)
    for n in range(22, 25):
        frames[n] = frames[24]
        frames[n, hand], frames[n, paint] = (205, 160, 130), (30, 90, 40)
        valid[n, :, :10] = False
    flat = np.full(inside.shape, 13, np.float32)
    found = TableBackground(frames, inside).visible_new_paint(
        23, (hand | paint) & valid[23], valid, flat
    )
    assert not found[hand].any()
    assert found[paint].mean() > 0.9
