"""The record of one source as the user names it, and the file names that decide its kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.format.schema import Split

VIDEO_EXTENSIONS = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts"),
        *(".m2ts", ".wmv", ".flv", ".ogv", ".3gp"),
    )
)
"""Lower case; other files in a folder are not videos."""
PICTURE_EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif", ".avif")
)
"""Lower case; other files in a folder are not pictures."""
TIMES_FILE = "times.csv"
"""A folder with this file holds keyframes: clean canvases with times."""
FRAMES_FILE = "frames.csv"
"""A folder with this file holds the frames of a video."""
TARGETS_FILE = "last_aligned_frame_inv.json"
"""A folder with this file holds keyframes in the layout of the paper's authors."""
FOLDER_MARKER_FILES = (TIMES_FILE, FRAMES_FILE, TARGETS_FILE)
"""A folder with any of these files is one source."""


@dataclass(frozen=True)
class SourceRow:
    """One source: a video file, or a folder of pictures with times."""

    uri: str
    """Path or address of the file or folder."""
    painting: str = ""
    """Id of the painting; empty: the content id, so every video is its own painting."""
    licence: str = ""
    source: str = ""
    split: Split | None = None
    times: str = ""
    """Path or address of a CSV ``file,time_s`` for a folder of pictures."""
    speed: float = 1.0
    """Real seconds per second of the video."""

    @property
    def path(self) -> Path:
        return Path(self.uri)


@dataclass(frozen=True)
class BadRow:
    """A manifest row or a file that cannot be used, or an input that is not there."""

    uri: str
    """The place of the row, ``manifest.csv:12``, or the path of the input."""
    detail: str
    reason: str = "bad-manifest-row"


Row = SourceRow | BadRow
