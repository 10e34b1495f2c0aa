"""Films as h264."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from inference.output.film import encode_film, even_sides


def _squares(count: int) -> Iterator[np.ndarray]:
    """A square that grows, drawn on one array that is changed in place."""
    canvas = np.full((48, 64, 3), 240, np.uint8)
    for index in range(count):
        canvas[: index + 1, : index + 1] = 20
        yield canvas


def test_every_frame_is_as_it_was_when_it_was_made(tmp_path: Path) -> None:
    encode_film(tmp_path / "film.mp4", _squares(40), (64, 48), fps=10, quality=10)
    with av.open(str(tmp_path / "film.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 40
    dark = [int(np.sqrt((frame.mean(axis=2) < 128).sum()) + 0.5) for frame in frames]
    assert max(abs(side - index - 1) for index, side in enumerate(dark)) <= 1


def test_an_error_of_the_maker_ends_the_film_and_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from _squares(3)
        raise RuntimeError("no more canvas")

    with pytest.raises(RuntimeError, match="no more canvas"):
        encode_film(tmp_path / "film.mp4", broken(), (64, 48), fps=10, quality=10)
    assert not list(tmp_path.iterdir())


def test_the_same_images_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        encode_film(tmp_path / name, _squares(20), (64, 48), fps=10, quality=20)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_odd_sides_become_even_by_repeating_the_rim() -> None:
    image = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    even = even_sides(image)
    assert even.shape == (4, 6, 3)
    assert np.array_equal(even[3, 5], image[2, 4])
