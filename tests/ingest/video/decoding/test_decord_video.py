"""Frames by decord are those by PyAV, or the video is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from ingest.conventions.errors import Refusal
from ingest.video.decoding.decode import DecodeConfig, Frame, Video
from ingest.video.decoding.decord_video import DecordVideo
from ingest.video.decoding.open_footage import open_footage

DECORD = DecodeConfig.model_construct(backend="decord")
needs_decord = pytest.mark.skipif(
    importlib.util.find_spec("decord") is None, reason="decord has no wheel for this machine"
)


@needs_decord
def test_frames_and_times_are_those_of_pyav_to_the_bit(film: Any) -> None:
    by_av, by_decord = Video(film.path, DecodeConfig()), open_footage(film.path, DECORD)
    assert isinstance(by_decord, DecordVideo)
    expected, got = (list(v.frames(v.sample_times())) for v in (by_av, by_decord))
    assert [(f.index, f.time_s) for f in got] == [(f.index, f.time_s) for f in expected]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(got, expected, strict=True))


@needs_decord
def test_scaled_frames_are_within_a_few_levels(film: Any) -> None:
    by_av, by_decord = Video(film.path, DecodeConfig()), DecordVideo(film.path, DECORD)
    for ours, theirs in zip(
        by_decord.frames([0.0, 5.0], 120), by_av.frames([0.0, 5.0], 120), strict=True
    ):
        assert ours.image.shape == theirs.image.shape
        assert ours.scale == theirs.scale
        assert np.abs(ours.image.astype(int) - theirs.image).mean() < 1.5


@needs_decord
def test_what_decord_cannot_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((48, 64, 3), 20 * n, np.uint8)) for n in range(12)]
    path = tmp_path / "v.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(Refusal, match=r"decord cannot read it .*ingest.decode.backend=auto"):
        open_footage(path, DECORD)


@needs_decord
def test_colours_that_decord_does_not_convert_are_refused(
    film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def darker(self: Video, times_s: Any, short_side_px: int | None) -> Iterator[Frame]:
        yield Frame(0, 0.0, np.zeros((240, 320, 3), np.uint8))

    monkeypatch.setattr(Video, "_frames", darker)
    with pytest.raises(Refusal, match="colours are off by"):
        DecordVideo(film.path, DECORD)


def test_auto_decodes_with_pyav(film: Any) -> None:
    assert type(open_footage(film.path, DecodeConfig())) is Video


def test_a_machine_without_decord_refuses_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match="decord is not installed here"):
        DecodeConfig(backend="decord")
