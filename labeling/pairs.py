"""The pairs of a video: which canvas follows which, with which target, how many seconds apart.

Regions, instructions, review and shards all take their pairs from here, so a pair means the same
to each of them. Two neighbouring keyframes of one take make a pair; the take's target is the
finished painting. As in the authors' release a painting starts from a pure white canvas: a bare
first keyframe is replaced by it, otherwise white is put before the first keyframe.
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
MIN_WHITE_INTERVAL_S, MAX_WHITE_INTERVAL_S = 1.0, 30.0
"""Bounds of the time from the white canvas to a first keyframe that is painted already; nobody
sees when its painter began, and the authors' code takes at most 30 s."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """One image of a pair, encoded as it lies in the dataset."""

    reference: CanvasRef
    format: ImageFormat
    data: bytes
    corners_px: tuple[tuple[float, float], ...] | None = None

    @property
    def name(self) -> str:
        """Its part of a pair id: ``k0003``, or ``white``."""
        index = self.reference.keyframe
        return "white" if index is None else f"k{index:04d}"

    def image(self) -> np.ndarray:
        """RGB uint8 (H, W, 3)."""
        return decode_image(self.data)


@dataclass(frozen=True, eq=False)
class Pair:
    """One step of a painting's making, before anything is known about it."""

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
        """64 hex digits that change when any of the three images does: what labels are tied to."""
        canvases = (self.current, self.next, self.target)
        return hashlib.sha256(
            "|".join(canvas.reference.sha256 for canvas in canvases).encode()
        ).hexdigest()


def read_pairs(dataset: Dataset, video_id: str) -> tuple[VideoOutcome, list[Pair]]:
    """A video's outcome and its pairs in painting order."""
    outcome = read_outcome(dataset, video_id)
    start_s = outcome.span_s[0] if outcome.span_s else 0.0
    return outcome, pairs_of(read_keyframes(dataset, video_id), start_s)


def pairs_of(keyframes: Sequence[StoredKeyframe], span_start_s: float) -> list[Pair]:
    """The pairs of one video.

    Keyframes of different takes (different targets) never meet in a pair. The first take starts
    from white; a later take does so only where its first keyframe is bare, because otherwise it
    goes on with a canvas that was painted before.

    Args:
        keyframes: all of the video, in painting order.
        span_start_s: when the painting starts in the video.

    Raises:
        UserError: two neighbours do not lie in order of time.
    """
    canvases = [_canvas(stored) for stored in keyframes]
    pairs: list[Pair] = []
    targets = sorted({stored.keyframe.target for stored in keyframes})
    for number, target in enumerate(targets):
        take = [i for i, stored in enumerate(keyframes) if stored.keyframe.target == target]
        bare = _leading_bare(keyframes, take)
        if len(take) < 2:
            continue  # a finished picture alone shows no process
        finished = next((c for c in canvases if c.reference.keyframe == target), None)
        if finished is None:
            name = keyframes[take[0]].keyframe.video_id
            raise UserError(
                f"video {name}: keyframe {target}, the target of {len(take)} others, is missing: "
                "run `python -m ingest` on that video again"
            )
        steps = [canvases[i] for i in (take[bare - 1 :] if bare else take)]
        if bare:
            steps[0] = _white(steps[1], steps[0].reference.time_s)
        elif number == 0:
            lead_s = steps[0].reference.time_s - span_start_s
            lead_s = min(max(lead_s, MIN_WHITE_INTERVAL_S), MAX_WHITE_INTERVAL_S)
            # The white canvas may lie before the start of the video; its time may not.
            white = _white(steps[0], max(0.0, steps[0].reference.time_s - lead_s))
            pairs.append(_pair(keyframes[0], white, steps[0], finished, lead_s))
        pairs += [_pair(keyframes[0], a, b, finished) for a, b in pairwise(steps)]
    return pairs


def white_canvas(size: tuple[int, int]) -> np.ndarray:
    """I_0: pure white RGB uint8 of `size` (H, W)."""
    return np.full((*size, 3), WHITE, np.uint8)


@functools.lru_cache(maxsize=64)
def white_png(size: tuple[int, int]) -> bytes:
    """`white_canvas` as every pair stores it."""
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
    # Sums of frame times carry noise in the last digits; a microsecond is more than enough.
    interval_s = round(seconds if interval_s is None else interval_s, 6)
    if interval_s <= 0:
        raise UserError(
            f"video {video_id}: {following.name} is not later than {current.name} "
            f"({interval_s:g} s), expected keyframes in order of time: correct the times and run "
            "ingest again"
        )
    return Pair(video_id, current, following, target, interval_s)


def _leading_bare(keyframes: Sequence[StoredKeyframe], take: Sequence[int]) -> int:
    """How many keyframes at the start of the take are bare; never all of them."""
    count = 0
    while count < len(take) - 1 and keyframes[take[count]].keyframe.is_bare:
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
