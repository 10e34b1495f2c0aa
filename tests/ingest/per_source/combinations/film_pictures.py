"""The pictures and times that the film of a combination stores, and those that it shows."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from tests.ingest.per_source.combinations.film_combinations import COLOURS, FilmCombination
from tests.ingest.per_source.combinations.looks import FPS, look, stored_colours, with_alpha

TICKS_PER_S = 1000
"""Units of stored times."""
ABSURD_END_S, ABSURD_START_S = 4 * 3600.0, 3600.0
"""By how much the last frame is late, or all but the first."""
LATE_START_S = 10.0
JITTER_TICKS = 15
"""By how much a frame of variable rate is early or late at most; frames are 40 ticks apart."""
TURNS = {
    1: (False, 1, 1),
    2: (False, -1, 1),
    3: (False, -1, -1),
    4: (False, 1, -1),
    5: (True, 1, 1),
    6: (True, -1, 1),
    7: (True, -1, -1),
    8: (True, 1, -1),
}
"""By orientation: whether rows and columns are exchanged in the file, and the directions across
and down in which the picture is read."""


def shown_frames(combination: FilmCombination) -> list[np.ndarray]:
    """The frames, RGB uint8 (h, w, 3), that a player shows; those that are dropped too."""
    has_hole = combination.has_white_hole or combination.alpha == "hole"
    return look(combination.shape, combination.format.is_grey, has_hole)


def kept_frames(combination: FilmCombination) -> list[int]:
    """Indices of the frames that the file holds."""
    number = len(shown_frames(combination))
    if combination.times != "dropped":
        return list(range(number))
    rng = np.random.default_rng(combination.index)
    lost = set(rng.choice(np.arange(1, number - 1), number // 10, replace=False).tolist())
    return [index for index in range(number) if index not in lost]


def shown_times_s(combination: FilmCombination) -> list[float]:
    """Seconds after the first frame at which each frame of the file is due; an absurd gap lasts as
    long as the other steps do."""
    times = np.array(kept_frames(combination)) / FPS
    if combination.times == "variable":
        rng = np.random.default_rng(combination.index)
        jitter = rng.integers(-JITTER_TICKS, JITTER_TICKS + 1, len(times) - 1)
        times[1:] += jitter / TICKS_PER_S
    return times.tolist()


def stored_ticks(combination: FilmCombination) -> list[int]:
    """Presentation times of the file's frames, in units of 1 / `TICKS_PER_S`."""
    times = np.array(shown_times_s(combination))
    if combination.times == "late start":
        times += LATE_START_S
    elif combination.times == "absurd end":
        times[-1] += ABSURD_END_S
    elif combination.times == "absurd start":
        times[1:] += ABSURD_START_S
    return np.round(times * TICKS_PER_S).astype(int).tolist()


def turned(shown: np.ndarray, orientation: int) -> np.ndarray:
    """The picture (h, w, n) as it lies in a file that a reader shows in an orientation."""
    is_transposed, across, down = TURNS[orientation]
    stored = shown[::down, ::across]
    return np.ascontiguousarray(stored.swapaxes(0, 1) if is_transposed else stored)


def squeezed_width_px(combination: FilmCombination, width_px: int) -> int:
    """Width of the stored picture, whose pixels are wider than high in anamorphic films."""
    return width_px * 3 // 4 // 2 * 2 if combination.shape == "anamorphic" else width_px


def stored_pictures(combination: FilmCombination) -> Iterator[np.ndarray]:
    """Yields RGB or RGBA, uint8 (h, w, n), or uint16 where the transfer or primaries are others."""
    _, primaries, transfer = COLOURS[combination.colour]
    shown = shown_frames(combination)
    has_alpha = combination.format.has_alpha or combination.alpha != "none"
    for index in kept_frames(combination):
        picture = with_alpha(shown[index], combination.alpha) if has_alpha else shown[index]
        picture = turned(picture, combination.orientation)
        height, width = picture.shape[:2]
        size = squeezed_width_px(combination, width), height
        if size[0] != width:
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        if combination.has_other_light:
            colours = stored_colours(picture[..., :3], transfer, primaries)
            picture = np.concatenate([colours, picture[..., 3:].astype(np.uint16) * 257], axis=2)
        yield picture
