"""Tracks the canvas from view to view by its page outline, for videos without a static table.

The camera is set up anew many times, the canvas is turned and moved between shots, and hands hide
what two views have in common. The four sides of the canvas are in most views: the homography from
the outline in one view to that in another registers the views. Views without a clear outline are
registered to their neighbours by the paint.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.footage import Footage
from ingest.video.canvas.page_outlines import outline_support
from ingest.video.canvas.quads import order_corners
from ingest.video.imaging.geometry import area_of, scaling, transform
from ingest.video.placement.page.clips import (
    Clip,
    make_clip,
    middle_frame,
    split_in_halves,
    split_without_outline,
)
from ingest.video.placement.page.neighbour_search import NeighbourSearch
from ingest.video.placement.page.outline_chain import appearance_similarity, chain_outlines
from ingest.video.placement.page.outline_vote import vote_for_outline
from ingest.video.placement.page.paint_alignment import align_by_paint
from ingest.video.placement.page.partial_views import add_partial_views
from ingest.video.placement.page.segment_outlines import align_segments, unify_outlines
from ingest.video.placement.place import Placement
from ingest.video.placement.shot_linking import consistent_segments
from ingest.video.registration.sampled_video import SampledVideo

CLIP_FRAMES = 24
"""Number of frames in a clip, approximately."""
CERTAIN_SUPPORT = 0.95
"""Share of the sides on edges from which an outline is certain."""
MIN_SIMILARITY = 0.6
"""Least appearance similarity of a clip with an uncertain outline to one of its neighbours."""
NEIGHBOURS = 4
"""Number of neighbours that such a clip is compared with."""
MIN_CLEAR_SHARE = 0.25
"""Least share of the frames that are in clips with a clear outline."""
MIN_PLACED_SHARE = 0.9
"""Least number of frames placed by the outline, as a share of those placed without it."""


def place_by_outline(sampled: SampledVideo, placed: Placement) -> Placement | None:
    """Returns the placement by the page outline, or None if `placed` is better.

    Args:
        sampled: with the poses of the tracking, which are changed.
        placed: placement without the page outline.
    """
    if placed.footage is Footage.TABLE:
        return None
    found = track_page_outline(sampled)
    if found is None or len(found.used) < MIN_PLACED_SHARE * len(placed.used):
        return None
    return found


def track_page_outline(sampled: SampledVideo) -> Placement | None:
    """Register all views to each other by the outline of the canvas.

    Returns None if an outline is found in too few clips.

    Args:
        sampled: with the poses of the tracking, which are changed.
    """
    parts = [
        (number, [int(i) for i in part])
        for number, frames in enumerate(consistent_segments(sampled))
        for part in np.array_split(np.array(frames), max(1, round(len(frames) / CLIP_FRAMES)))
    ]
    whole = [(number, make_clip(sampled, frames)) for number, frames in parts]
    if not any(clip.has_clear_outline for _, clip in whole):
        return None
    split = [
        (number, part) for number, clip in whole for part in split_without_outline(sampled, clip)
    ]
    segment_of, clips = [number for number, _ in split], [clip for _, clip in split]
    chain = chain_outlines([c if c.has_clear_outline else replace(c, outlines=[]) for c in clips])
    clear = sum(len(clips[k].frames) for k in chain)
    if clear < MIN_CLEAR_SHARE * len(sampled.frames):
        return None
    home = max(
        chain, key=lambda k: (_visible_share(clips[k], chain[k]), clips[k].outlines[0].score)
    )
    chain = _align_clips(clips, chain)
    search = NeighbourSearch(sampled, clips, segment_of)
    search.extend(chain)
    chain = unify_outlines(clips, segment_of, chain, search.clip_to_clip)
    chain = align_segments(clips, segment_of, chain, search.clip_to_clip)
    chain = _without_outliers(clips, segment_of, chain, home)
    clips, source = split_in_halves(clips, chain, lambda part: make_clip(sampled, part))
    segment_of = [segment_of[k] for k in source]
    chain, home = {source.index(k): quad for k, quad in chain.items()}, source.index(home)
    search = NeighbourSearch(sampled, clips, segment_of)
    chain = add_partial_views(clips, segment_of, chain, search.clip_to_clip)
    return _placement(sampled, clips, segment_of, chain, home)


def _align_clips(clips: list[Clip], chain: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Returns the chain with each clip aligned by the paint with the one before it."""
    fine: dict[int, np.ndarray] = {}
    known: tuple[np.ndarray, np.ndarray] | None = None
    for k, corners in chain.items():
        picture = clips[k].picture
        fine[k] = corners if known is None else align_by_paint(known, (picture, corners))
        known = picture, fine[k]
    return fine


def _without_outliers(
    clips: list[Clip], segment_of: list[int], chain: dict[int, np.ndarray], home: int
) -> dict[int, np.ndarray]:
    """Returns the chain without clips whose outline is uncertain and whose paint does not fit.

    Paint is compared with clips of other segments, or with clips of the same one that are kept.
    """

    def fits(k: int, others: list[int]) -> bool:
        """Returns True if clip `k` looks like one of the nearest of some clips."""
        near = sorted(others, key=lambda j: (abs(j - k), j))[:NEIGHBOURS]
        seen = clips[k].picture, chain[k]
        similarities = [appearance_similarity((clips[j].picture, chain[j]), seen) for j in near]
        return max(similarities, default=0.0) >= MIN_SIMILARITY

    kept = {
        k
        for k, corners in chain.items()
        if k == home
        or outline_support(clips[k].picture, corners) >= CERTAIN_SUPPORT
        or fits(k, [j for j in chain if segment_of[j] != segment_of[k]])
    }
    same_segment = {k: [j for j in kept if segment_of[j] == segment_of[k]] for k in chain}
    return {k: v for k, v in sorted(chain.items()) if k in kept or fits(k, same_segment[k])}


def _placement(
    sampled: SampledVideo,
    clips: list[Clip],
    segment_of: list[int],
    chain: dict[int, np.ndarray],
    home: int,
) -> Placement:
    """Returns the placement in the coordinates of clip `home`, and changes the poses to them."""
    scale = clips[home].picture.shape[0] / sampled.frames[0].grey.shape[0]
    enlarge = np.linalg.inv(scaling(scale))
    chain = vote_for_outline(clips, segment_of, chain, home)
    corners = transform(enlarge, chain[home])
    # The corners are in order, but the first one need not be the top left.
    upright = order_corners(corners)
    turn = int(np.argmin([np.abs(np.roll(corners, t, axis=0) - upright).max() for t in range(4)]))
    view_of: dict[int, int] = {}
    for k, seen in chain.items():
        from_shot = np.linalg.inv(sampled.frames[middle_frame(clips[k].frames)].pose.matrix)
        link = cv2.getPerspectiveTransform(
            transform(enlarge, seen).astype(np.float32), corners.astype(np.float32)
        )
        for i in clips[k].frames:
            sampled.set_pose(i, link @ from_shot @ sampled.frames[i].pose.matrix, shot=0)
            view_of[i] = segment_of[k]
    used, canvas = sorted(view_of), Canvas(np.roll(corners, turn, axis=0), "quad", 1.0)
    return Placement(used, canvas, Footage.REFRAMED, None, [view_of[i] for i in used])


def _visible_share(clip: Clip, corners: np.ndarray) -> float:
    """Returns the share of the canvas, corners (4, 2), that is in view, rounded to percent."""
    area = area_of(corners, clip.picture.shape)
    return round(float(area.sum() / cv2.contourArea(corners.astype(np.float32))), 2)
