"""Opens footage with the decoder that the config asks for."""

from __future__ import annotations

from pathlib import Path

from ingest.video.decoding.decode import DecodeConfig, Video
from ingest.video.decoding.decord_video import DecordVideo
from ingest.video.decoding.image_sequence import ImageSequence


def open_footage(path: Path, config: DecodeConfig) -> Video:
    """The video at a path: a file, or a folder of frames.

    `auto` decodes with PyAV: decord's frames are the same, but it was never faster
    (docs/results.md).

    Raises:
        Refusal: as `Video`, `DecordVideo` and `ImageSequence` do.
    """
    if path.is_dir():
        return ImageSequence(path, config)
    return DecordVideo(path, config) if config.backend == "decord" else Video(path, config)
