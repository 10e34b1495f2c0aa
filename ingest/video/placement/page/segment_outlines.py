"""Gives all clips of a segment the same outline, and aligns segments with each other by the paint.

While camera and canvas are static, the canvas has one position in all clips of a segment. In each
clip a sleeve, the lower edge of the canvas or its shadow may have been detected as a side. Where
the outline of another clip fits as well, the one that fits the whole segment best is used.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ingest.video.canvas.page_outlines import least_in_view, outline_support
from ingest.video.imaging.geometry import transform
from ingest.video.placement.page.clips import Clip
from ingest.video.placement.page.outline_chain import appearance_similarity
from ingest.video.placement.page.paint_alignment import align_by_paint

MIN_IN_VIEW = 0.6
"""Least share of each side that is in view in most frames of a segment, for an outline that other
clips may take over."""
SUPPORT_TOLERANCE = 0.1
"""How much lower the share of the sides on edges may be where a clip takes over an outline."""
SIMILARITY_TOLERANCE = 0.02
"""How much lower the appearance similarity may be then. If it is lower, the canvas was moved."""

ClipToClip = Callable[[int, int], np.ndarray]
"""Returns the homography (3, 3) from the picture of one clip to that of another of its segment."""


def unify_outlines(
    clips: list[Clip], segment_of: list[int], chain: dict[int, np.ndarray], clip_to_clip: ClipToClip
) -> dict[int, np.ndarray]:
    """Returns the chain with one outline in all clips of a segment that it fits.

    Args:
        segment_of: number of the segment with consistent poses that each clip belongs to.
        chain: corners (4, 2) of the canvas, in one order, by index of the clip.
        clip_to_clip: homography between two clips of a segment.
    """
    result, segments = dict(chain), sorted({segment_of[k] for k in chain})
    if len(segments) < 2:
        # The outline of a single segment need not agree with that of another.
        return result
    for segment in segments:
        members = [k for k in chain if segment_of[k] == segment]
        whole = [k for k in members if _is_in_view(k, members, clips, chain, clip_to_clip)]
        if len(members) < 2 or not whole:
            continue
        best = max(whole, key=lambda k: _total_support(k, members, clips, chain, clip_to_clip))
        for k in members:
            common = transform(clip_to_clip(best, k), chain[best])
            if k != best and _fits(clips, k, chain[k], common, (best, chain[best])):
                result[k] = common
    return result


def align_segments(
    clips: list[Clip], segment_of: list[int], chain: dict[int, np.ndarray], clip_to_clip: ClipToClip
) -> dict[int, np.ndarray]:
    """Returns the chain with each segment aligned by the paint with the one before it.

    Outlines are inexact by a pixel or two, differently in each segment. Paint is more exact. All
    clips of a segment are corrected alike.
    """
    result = dict(sorted(chain.items()))
    known: tuple[np.ndarray, np.ndarray] | None = None
    for segment in dict.fromkeys(segment_of[k] for k in result):
        members = [k for k in result if segment_of[k] == segment]
        first, last = members[0], members[-1]
        if known is not None:
            seen = clips[first].picture, result[first]
            fine = align_by_paint(known, seen)
            if appearance_similarity(known, (seen[0], fine)) >= appearance_similarity(known, seen):
                homography = cv2.getPerspectiveTransform(
                    seen[1].astype(np.float32), fine.astype(np.float32)
                )
                for k in members:
                    correction = clip_to_clip(first, k) @ homography @ clip_to_clip(k, first)
                    result[k] = transform(correction, result[k])
        known = clips[last].picture, result[last]
    return result


def _is_in_view(
    k: int,
    members: list[int],
    clips: list[Clip],
    chain: dict[int, np.ndarray],
    clip_to_clip: ClipToClip,
) -> bool:
    """Returns True if the outline of clip `k` is in view in most frames of its segment.

    Args:
        members: indices of the clips of the segment.
    """
    frames_in_view = 0
    for j in members:
        corners = transform(clip_to_clip(k, j), chain[k])
        is_whole = least_in_view(corners, clips[j].picture.shape) >= MIN_IN_VIEW
        frames_in_view += is_whole * len(clips[j].frames)
    return 2 * frames_in_view > sum(len(clips[j].frames) for j in members)


def _total_support(
    k: int,
    members: list[int],
    clips: list[Clip],
    chain: dict[int, np.ndarray],
    clip_to_clip: ClipToClip,
) -> tuple[float, int]:
    """Sort key: how well the outline of clip `k` fits all clips of its segment, `members`.

    It is the share of its sides that lies on edges, summed over clips with their number of frames
    as weights; ties go to the earlier clip.
    """
    total = 0.0
    for j in members:
        corners = transform(clip_to_clip(k, j), chain[k])
        total += len(clips[j].frames) * outline_support(clips[j].picture, corners)
    return total, -k


def _fits(
    clips: list[Clip],
    k: int,
    own: np.ndarray,
    common: np.ndarray,
    known: tuple[int, np.ndarray],
) -> bool:
    """Returns True if outline `common` (4, 2) fits clip `k` about as well as `own`.

    Args:
        known: index and outline of the clip that `common` comes from.
    """
    picture = clips[k].picture
    support = [outline_support(picture, corners) for corners in (own, common)]
    reference = clips[known[0]].picture, known[1]
    similarity = [appearance_similarity(reference, (picture, corners)) for corners in (own, common)]
    return (
        support[1] >= support[0] - SUPPORT_TOLERANCE
        and similarity[1] >= similarity[0] - SIMILARITY_TOLERANCE
    )
