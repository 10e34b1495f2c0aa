"""Makes the training pairs (current, next, target canvas) of a video from its keyframes.

Regions, instructions, review and shards all use these pairs. Two consecutive keyframes of one shot
make a pair; the target is the finished painting of that shot. As in the authors' release, a
painting starts from a pure white canvas: it replaces a blank first keyframe, otherwise it is put
before the first keyframe.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat, decode_image, encode_image, image_size, sha256
from ingest.format.schema import CanvasRef
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome, read_keyframes, read_outcome

WHITE = 255
"""Value of all three channels of the initial canvas."""
MIN_WHITE_INTERVAL_S = 1.0
"""Shortest interval from the white canvas to a first keyframe that already shows paint, in s."""
MAX_WHITE_INTERVAL_S = 30.0
"""Longest such interval in s; the true one is unknown, and the authors' code uses at most 30 s."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """One image of a pair, encoded as it is stored in the dataset."""

    reference: CanvasRef
    format: ImageFormat
    data: bytes
    corners_px: tuple[tuple[float, float], ...] | None = None
    """Corners (x, y) of the canvas in the frame; None for the white canvas."""

    @property
    def name(self) -> str:
        """Its part of a pair id: ``k0003``, or ``white`` for the white canvas."""
        index = self.reference.keyframe
        return "white" if index is None else f"k{index:04d}"

    def image(self) -> np.ndarray:
        """The decoded image, RGB uint8 (H, W, 3)."""
        return decode_image(self.data)


@dataclass(frozen=True, eq=False)
class Pair:
    """One step of a painting process, without labels."""

    video_id: str
    current: Canvas
    next: Canvas
    target: Canvas
    interval_s: float
    """Seconds from current to next; positive."""

    @property
    def pair_id(self) -> str:
        """Key of the sample: ``<video_id>-k0003-k0004-k0026``."""
        names = (self.current.name, self.next.name, self.target.name)
        return "-".join((self.video_id, *names))

    @property
    def content_hash(self) -> str:
        """SHA-256 of the three image hashes; labels are valid only for images with this hash."""
        canvases = (self.current, self.next, self.target)
        return hashlib.sha256(
            "|".join(canvas.reference.sha256 for canvas in canvases).encode()
        ).hexdigest()


def read_pairs(dataset: Dataset, video_id: str) -> tuple[VideoOutcome, list[Pair]]:
    """Read a video's outcome and its pairs in painting order. Raises UserError."""
    outcome = read_outcome(dataset, video_id)
    start_s = outcome.span_s[0] if outcome.span_s else 0.0
    return outcome, pairs_of(read_keyframes(dataset, video_id), start_s)


def pairs_of(keyframes: Sequence[StoredKeyframe], span_start_s: float) -> list[Pair]:
    """Make the pairs of one video.

    A pair never mixes keyframes of different shots (different targets). The first shot starts from
    white. A later shot starts from white only if its first keyframe is blank; otherwise it
    continues a canvas that was painted before.

    Args:
        keyframes: all keyframes of the video, in painting order.
        span_start_s: time at which painting starts in the video.

    Raises:
        UserError: two consecutive keyframes are not in order of time, or a target is missing.
    """
    canvases = [_canvas(stored) for stored in keyframes]
    pairs: list[Pair] = []
    targets = sorted({stored.keyframe.target for stored in keyframes})
    for number, target in enumerate(targets):
        shot = [i for i, stored in enumerate(keyframes) if stored.keyframe.target == target]
        num_blank = _num_leading_blank(keyframes, shot)
        if len(shot) < 2:
            continue  # a finished painting alone shows no process
        finished = next((c for c in canvases if c.reference.keyframe == target), None)
        if finished is None:
            name = keyframes[shot[0]].keyframe.video_id
            raise UserError(
                f"video {name}: keyframe {target}, the target of {len(shot)} others, is missing: "
                "run `python -m ingest` on that video again"
            )
        steps = [canvases[i] for i in (shot[num_blank - 1 :] if num_blank else shot)]
        if num_blank:
            steps[0] = _white(steps[1], steps[0].reference.time_s)
        elif number == 0:
            lead_s = steps[0].reference.time_s - span_start_s
            lead_s = min(max(lead_s, MIN_WHITE_INTERVAL_S), MAX_WHITE_INTERVAL_S)
            # The stored time of the white canvas may not be negative.
            white = _white(steps[0], max(0.0, steps[0].reference.time_s - lead_s))
            pairs.append(_pair(keyframes[0], white, steps[0], finished, lead_s))
        pairs += [_pair(keyframes[0], a, b, finished) for a, b in pairwise(steps)]
    return pairs


def white_canvas(size: tuple[int, int]) -> np.ndarray:
    """The initial canvas I_0: white, RGB uint8 (H, W, 3) for `size` (H, W)."""
    return np.full((*size, 3), WHITE, np.uint8)


@functools.lru_cache(maxsize=64)
def white_png(size: tuple[int, int]) -> bytes:
    """The PNG bytes of `white_canvas(size)`."""
    return encode_image(white_canvas(size), "png")


def _pair(
    any_keyframe: StoredKeyframe,
    current: Canvas,
    following: Canvas,
    target: Canvas,
    interval_s: float | None = None,
) -> Pair:
    video_id = any_keyframe.keyframe.video_id
    seconds = following.reference.time_s - current.reference.time_s
    # Rounded to a microsecond: differences of frame times have floating-point noise.
    interval_s = round(seconds if interval_s is None else interval_s, 6)
    if interval_s <= 0:
        raise UserError(
            f"video {video_id}: {following.name} is not later than {current.name} "
            f"({interval_s:g} s), expected keyframes in order of time: correct the times and run "
            "ingest again"
        )
    return Pair(video_id, current, following, target, interval_s)


def _num_leading_blank(keyframes: Sequence[StoredKeyframe], shot: Sequence[int]) -> int:
    """Number of blank keyframes at the start of a shot; its last keyframe is never counted."""
    count = 0
    while count < len(shot) - 1 and keyframes[shot[count]].keyframe.is_bare:
        count += 1
    return count


def _canvas(stored: StoredKeyframe) -> Canvas:
    keyframe = stored.keyframe
    reference = CanvasRef(
        keyframe=keyframe.index,
        time_s=keyframe.time_s,
        frame_index=keyframe.frame_index,
        sha256=sha256(stored.data),
    )
    return Canvas(reference, stored.format, stored.data, keyframe.corners_px)


def _white(like: Canvas, time_s: float) -> Canvas:
    data = white_png(image_size(like.data))
    return Canvas(CanvasRef(time_s=time_s, sha256=sha256(data)), "png", data)
