"""Names of keyframes and samples, and what they say: video, and which keyframes.

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


@dataclass(frozen=True)
class SampleName:
    """What a name says."""

    video_id: str
    keyframes: dict[str, int | None]
    """Index by part: ``keyframe``, or ``current``, ``next`` and ``target``; None is white."""

    @property
    def is_sample(self) -> bool:
        return "next" in self.keyframes


def parse_name(text: str) -> SampleName:
    """What the name of a video, keyframe or sample says. Raises UserError if it is none."""
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
