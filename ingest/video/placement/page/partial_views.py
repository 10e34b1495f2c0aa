"""Adds clips in which the canvas is never entirely in view, once it is known in other clips.

Each is aligned with known clips near it in time by the three sides in view and by the paint
(`ingest.video.placement.page.three_sides`). Added clips of one segment then share one outline.
"""

from __future__ import annotations

import functools

import numpy as np

from ingest.video.canvas.page_outlines import outline_support
from ingest.video.imaging.geometry import transform
from ingest.video.placement.page.clips import Clip
from ingest.video.placement.page.outline_chain import appearance_similarity
from ingest.video.placement.page.segment_outlines import ClipToClip
from ingest.video.placement.page.three_sides import outline_from_three_sides

MIN_SIMILARITY = 0.6
"""Least appearance similarity of an added clip to a known one."""
MIN_SUPPORT = 0.75
"""Least share of the sides in view that must lie on edges."""
NEIGHBOURS = 4
"""Number of the nearest known clips that a clip is compared with."""
SUPPORT_TOLERANCE = 0.1
"""How much lower the share of the sides on edges may be where a clip takes over the outline of its
segment."""
SIMILARITY_TOLERANCE = 0.02
"""How much lower its appearance similarity may be then."""


def add_partial_views(
    clips: list[Clip], segment_of: list[int], chain: dict[int, np.ndarray], clip_to_clip: ClipToClip
) -> dict[int, np.ndarray]:
    """Returns the chain with the clips that can be aligned by three sides and paint.

    Args:
        segment_of: number of the segment with consistent poses that each clip belongs to.
        chain: corners (4, 2) of the canvas, in one order, by index of the clip.
        clip_to_clip: homography between two clips of a segment.
    """
    result = dict(chain)
    # Cached, because clips are tried again after others are added. Known corners do not change.
    align = functools.cache(lambda k, j: _align(clips[k], clips[j], result[j]))
    grown = True
    while grown:
        grown = False
        for k in range(len(clips)):
            if k in result:
                continue
            found = [align(k, j) for j in _nearest(k, result)]
            similarity, quad = max(found, key=lambda pair: pair[0])
            if similarity >= MIN_SIMILARITY:
                result[k], grown = quad, True
    for segment in sorted({segment_of[k] for k in result.keys() - chain.keys()}):
        members = [k for k in sorted(result) if segment_of[k] == segment]
        _share_outline(clips, members, result, set(chain), clip_to_clip)
    return dict(sorted(result.items()))


def _nearest(k: int, known: dict[int, np.ndarray]) -> list[int]:
    """Returns the known clips that are nearest in time to clip `k`, without itself."""
    return sorted(known.keys() - {k}, key=lambda j: (abs(j - k), j))[:NEIGHBOURS]


def _align(clip: Clip, other: Clip, corners: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the similarity of a clip to a known one, and its corners (4, 2).

    The similarity is 0 if the outline is not found.
    """
    quad = outline_from_three_sides((other.picture, corners), clip.picture)
    if quad is None or outline_support(clip.picture, quad) < MIN_SUPPORT:
        return 0.0, corners
    return appearance_similarity((other.picture, corners), (clip.picture, quad)), quad


def _share_outline(
    clips: list[Clip],
    members: list[int],
    outlines: dict[int, np.ndarray],
    fixed: set[int],
    clip_to_clip: ClipToClip,
) -> None:
    """Give the clips of a segment, except for those in `fixed`, the outline that fits it best."""

    def fits(k: int, quad: np.ndarray) -> tuple[float, float]:
        """Returns appearance similarity and support of an outline in clip `k`."""
        picture = clips[k].picture
        others = {j: outlines[j] for j in outlines if j not in members} or outlines
        similarity = [
            appearance_similarity((clips[j].picture, outlines[j]), (picture, quad))
            for j in _nearest(k, others)
        ]
        return max(similarity, default=0.0), outline_support(picture, quad)

    def agreement(k: int) -> float:
        """Returns how well the outline of clip `k` fits all clips of the segment."""
        return sum(sum(fits(j, transform(clip_to_clip(k, j), outlines[k]))) for j in members)

    known = [k for k in members if k in fixed]
    best = max(known or members, key=lambda k: (agreement(k), -k))
    for k in members:
        if k == best or k in fixed:
            continue
        common = transform(clip_to_clip(best, k), outlines[best])
        own, taken = fits(k, outlines[k]), fits(k, common)
        if taken[0] >= own[0] - SIMILARITY_TOLERANCE and taken[1] >= own[1] - SUPPORT_TOLERANCE:
            outlines[k] = common
