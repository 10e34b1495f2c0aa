"""Parses the names of videos, keyframes and samples.

A keyframe is ``<video_id>-k0003``; a sample or pair ``<video_id>-k0003-k0004-k0026`` (current,
next, target), where the current may be ``white``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.conventions.errors import UserError

_NAME = re.compile(
    r"(?P<video_id>[0-9a-f]{16})(?:-(?P<first>k\d{4,}|white)"
    r"(?:-(?P<next>k\d{4,})-(?P<target>k\d{4,}))?)?"
)
"""The grammar of all names."""


@dataclass(frozen=True)
class SampleName:
    """A parsed name."""

    video_id: str
    keyframes: dict[str, int | None]
    """Index by part: ``keyframe``, or ``current``, ``next`` and ``target``; None is white."""

    @property
    def is_sample(self) -> bool:
        return "next" in self.keyframes


def is_name(text: str) -> bool:
    """Whether a text is the name of a video, keyframe or sample."""
    return _NAME.fullmatch(text.strip()) is not None


def parse_name(text: str) -> SampleName:
    """Parse the name of a video, keyframe or sample.

    Raises:
        UserError: it is none.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise UserError(
            f"{text!r} is no name of a video, keyframe or sample: expected 16 hex digits, "
            "VIDEO-k0003 or VIDEO-k0003-k0004-k0026"
        )
    parts = {name: value for name, value in match.groupdict().items() if value}
    video_id = parts.pop("video_id")
    if "next" in parts:
        parts["current"] = parts.pop("first")
    elif "first" in parts:
        parts["keyframe"] = parts.pop("first")
    order = ("keyframe", "current", "next", "target")
    return SampleName(video_id, {name: _index(parts[name]) for name in order if name in parts})


def _index(part: str) -> int | None:
    return None if part == "white" else int(part[1:])
