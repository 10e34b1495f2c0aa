"""Poses hold for every copy of a frame: full size, cached, small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingest.video.decoding.decode import DecodeConfig, Video
from ingest.video.registration.sampled_video import register_video
from ingest.video.registration.tracking import AlignConfig


@pytest.mark.parametrize("side_px", [120, 180, 240, 480])
def test_corners_of_all_copies_lie_in_one_place(film: Any, side_px: int) -> None:
    video = Video(film.path, DecodeConfig(min_frames=20, max_frames=20))
    sampled = register_video(video, AlignConfig(side_px=side_px))

    def corner(matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        mapped = matrix @ [shape[1] - 0.5, shape[0] - 0.5, 1.0]
        return mapped[:2] / mapped[2]

    expected = corner(sampled.shot_from_frame(3), sampled.frame_shape)
    small = corner(sampled.shot_from_small(3), sampled.frames[3].small.shape)
    cached = corner(sampled.shot_from_cached(3), sampled.frame_cache.image(3).shape)
    assert np.abs(small - expected).max() < 1
    assert np.abs(cached - expected).max() < 1
