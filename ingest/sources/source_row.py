"""One source of keyframes as the user names it, and the endings that tell what a file is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.format.schema import Split

VIDEO_ENDINGS = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts"),
        *(".m2ts", ".wmv", ".flv", ".ogv", ".3gp"),
    )
)
PICTURE_ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"])
TIMES_FILE = "times.csv"
"""Beside pictures: they are keyframes, clean already."""
FRAMES_FILE = "frames.csv"
"""Beside pictures: they are the frames of footage."""
TARGETS_FILE = "last_aligned_frame_inv.json"
"""Beside pictures: they are keyframes in the layout of the paper's authors."""
FOLDER_MARKS = (TIMES_FILE, FRAMES_FILE, TARGETS_FILE)


@dataclass(frozen=True)
class SourceRow:
    """One source: a video file, or a folder of pictures with times."""

    uri: str
    """Path or address of the file or folder."""
    painting: str = ""
    """Id of the painting; empty takes the content id, so every video is its own painting."""
    licence: str = ""
    source: str = ""
    split: Split | None = None
    times: str = ""
    """Path or address of a CSV ``file,time_s`` for a folder of pictures."""
    speed: float = 1.0
    """Real seconds in one second of the video."""

    @property
    def path(self) -> Path:
        return Path(self.uri)


@dataclass(frozen=True)
class BadRow:
    """A manifest row that cannot be used, or an input that is not there."""

    uri: str
    """Where it stands: ``manifest.csv:12``, or the path."""
    detail: str
    reason: str = "bad-manifest-row"


Row = SourceRow | BadRow
