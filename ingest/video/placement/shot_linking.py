"""Registers all shots and segments of a video that show one canvas to each other.

Tracking does not notice every cut to a closer view, dissolve or hand in front of the camera, and
may go on with a wrong pose. So each frame is aligned by its pose with frames shortly before it, and
the shot is cut where they do not correlate. Each segment is then searched for in the others by
features, whatever the poses of the tracking were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.video.imaging.geometry import medoid_homography, pixel_scale
from ingest.video.placement.frame_comparison import FrameComparison
from ingest.video.registration.sampled_video import SampledVideo

MIN_SIMILARITY_BY_LAG = {1: 0.3, 4: 0.2, 8: 0.2, 12: 0.12}
"""Least correlation of a frame with the one so many frames before it, both aligned by their poses,
within a segment. Correct poses give 0.3 to 0.9, wrong ones less than 0.2."""
MIN_JOIN_SIMILARITY = 0.4
"""Least correlation at which two segments of one shot are joined with their poses unchanged."""
END_FRAMES = 3
"""Number of frames near the ends of two segments that are compared to join them. The outermost
frames are left out, because they may show two views at once."""
MIN_GROUP_FRAMES = 3
"""Least number of frames in a group that is linked."""
MAX_TRIES = 4
"""Number of frames of a group that are searched for in the main group."""
MIN_INLIERS = 14
"""Least number of inliers of a link."""
CERTAIN_INLIERS = 60
"""Number of inliers from which no better link is searched for."""
MIN_LINK_SIMILARITY = 0.3
"""Least correlation of two frames aligned by a link."""
DISSOLVE_FRAMES = 2
"""Number of frames at the ends of a segment that may show two views at once."""
MAX_TRIMMED = 6
"""Largest number of frames that are cut off an end of a segment because they show the next view."""
TRIM_LAGS = (4, 8)
"""Distances in frames at which frames at the ends are compared with others of their segment."""
TRIM_FACTOR = 0.8
"""A frame is cut off if its correlation is below this factor of the median of its segment."""


@dataclass(eq=False)
class _Segment:
    """Consecutive frames of one shot whose poses are consistent."""

    shot: int
    frames: list[int]
    between: list[int]
    """Frames before this segment whose poses may be consistent with it or with the one before."""


@dataclass(eq=False)
class _Group:
    """Segments that share coordinates."""

    frames: list[int]


def consistent_segments(sampled: SampledVideo) -> list[list[int]]:
    """Returns segments with consistent poses, each as positions of its frames."""
    return [segment.frames for segment in _segments(FrameComparison(sampled))]


def link_shots(sampled: SampledVideo) -> list[int]:
    """Register all frames that show the canvas of the main view to each other.

    Their poses in `sampled` are changed to the coordinates of a typical frame.

    Returns:
        The positions of these frames, ascending.
    """
    comparison = FrameComparison(sampled)
    groups = _join_segments(comparison, _segments(comparison))
    groups.sort(key=lambda group: (-len(group.frames), group.frames[0]))
    main, unlinked = groups[0], groups[1:]
    while True:
        # Linked groups show more of the scene, so that further groups may be found in it.
        linked = [group for group in unlinked if _link_group(comparison, group, main)]
        if not linked:
            break
        unlinked = [group for group in unlinked if group not in linked]
    return use_typical_coordinates(sampled, main.frames)


def use_typical_coordinates(sampled: SampledVideo, used: list[int]) -> list[int]:
    """Change the poses of frames to the coordinates of a typical one; returns `used`.

    A typical frame is most likely to show all of the canvas.
    """
    height, width = sampled.frames[used[0]].grey.shape
    matrices = [sampled.frames[i].pose.matrix for i in used]
    _apply(sampled, used, np.linalg.inv(medoid_homography(matrices, (width, height))), 0)
    return used


def _segments(comparison: FrameComparison) -> list[_Segment]:
    """Splits the video into segments with consistent poses."""
    segments: list[_Segment] = []
    for i, frame in enumerate(comparison.sampled.frames):
        segment = segments[-1] if segments else None
        if segment is None or frame.pose.shot != segment.shot:
            segments.append(_Segment(frame.pose.shot, [i], []))
            continue
        lags = MIN_SIMILARITY_BY_LAG
        failed_lag = next((lag for lag in lags if _is_inconsistent(comparison, segment, lag)), 0)
        if not failed_lag:
            segment.frames.append(i)
            continue
        # In a dissolve each frame is similar to the one before it. The cut is within the lag.
        kept = max(1, len(segment.frames) - failed_lag + 1)
        segment.frames, between = segment.frames[:kept], segment.frames[kept:]
        segments.append(_Segment(segment.shot, [i], between))
    for segment in segments:
        _trim(comparison, segment)
    return segments


def _trim(comparison: FrameComparison, segment: _Segment) -> None:
    """Cut off frames at the ends of a segment that dissolve into other views."""
    frames, last = segment.frames, len(segment.frames) - 1
    if len(frames) < 2 * max(TRIM_LAGS):
        return
    typical = {
        lag: np.median(
            [
                comparison.similarity_by_poses(i, j)
                for i, j in zip(frames[::4], frames[lag::4], strict=False)
            ]
        )
        for lag in TRIM_LAGS
    }

    def is_mixed(place: int, direction: int) -> bool:
        return all(
            comparison.similarity_by_poses(frames[place], frames[place + direction * lag])
            < TRIM_FACTOR * typical[lag]
            for lag in TRIM_LAGS
        )

    start = end = 0
    while start < MAX_TRIMMED and frames[0] > 0 and is_mixed(start, 1):
        start += 1
    while (
        end < MAX_TRIMMED
        and frames[-1] < len(comparison.sampled.frames) - 1
        and is_mixed(last - end, -1)
    ):
        end += 1
    # The frame next to the last mixed one is slightly mixed as well.
    start, end = start + (start > 0), end + (end > 0)
    segment.frames = frames[start : len(frames) - end]


def _is_inconsistent(comparison: FrameComparison, segment: _Segment, lag: int) -> bool:
    """Returns True if the frame after a segment differs from the one `lag` frames before."""
    if len(segment.frames) < lag:
        return False
    similarity = comparison.similarity_by_poses(segment.frames[-1] + 1, segment.frames[-lag])
    return similarity < MIN_SIMILARITY_BY_LAG[lag]


def _join_segments(comparison: FrameComparison, segments: list[_Segment]) -> list[_Group]:
    """Groups segments of one shot that correlate when aligned by their poses.

    They were split by a hand in front of the camera, not by a cut.
    """
    groups: list[_Group] = []
    for segment in segments:
        for group in reversed(groups):
            if comparison.sampled.frames[group.frames[0]].pose.shot != segment.shot:
                continue
            starts = segment.frames[END_FRAMES - 1 : 2 * END_FRAMES - 1] or segment.frames[-1:]
            ends = group.frames[1 - 2 * END_FRAMES : 1 - END_FRAMES] or group.frames[:1]
            similarities = [comparison.similarity_by_poses(i, j) for i in starts for j in ends]
            if max(similarities) >= MIN_JOIN_SIMILARITY:
                group.frames += segment.between + segment.frames
                break
        else:
            groups.append(_Group(list(segment.frames)))
    return groups


def _link_group(comparison: FrameComparison, group: _Group, main: _Group) -> bool:
    """Register a group to the main group and add it; returns True if it could be registered."""
    sampled, best = comparison.sampled, None
    if len(group.frames) < MIN_GROUP_FRAMES:
        return False
    searched = _frames_to_search(group.frames)
    for i in searched:
        for j in _candidates(sampled, main.frames, i):
            found = comparison.register(j, main.frames, i, group.frames)
            if found is None or found.num_inliers < MIN_INLIERS:
                continue
            if best is None or found.num_inliers > best[0]:
                link = sampled.frames[j].pose.matrix @ found.matrix
                best = found.num_inliers, link @ np.linalg.inv(sampled.frames[i].pose.matrix)
        if best is not None and best[0] >= CERTAIN_INLIERS:
            break
    if best is None or not _is_confirmed(comparison, searched, main.frames, best[1]):
        return False
    _apply(sampled, group.frames, best[1], sampled.frames[main.frames[0]].pose.shot)
    main.frames = sorted(main.frames + group.frames)
    return True


def _is_confirmed(
    comparison: FrameComparison, searched: list[int], known: list[int], link: np.ndarray
) -> bool:
    """Returns True if frames of a group, aligned by `link`, correlate with known ones near in time.

    Args:
        searched: frames of the group.
        known: frames of the main group.
        link: homography (3, 3) from coordinates of the group to those of the main group.
    """
    frames, similarities = comparison.sampled.frames, []
    for i in searched:
        moved = link @ frames[i].pose.matrix
        similarities += [
            comparison.similarity(i, j, np.linalg.inv(frames[j].pose.matrix) @ moved)
            for j in _candidates(comparison.sampled, known, i)
        ]
    return max(similarities) >= MIN_LINK_SIMILARITY


def _frames_to_search(frames: list[int]) -> list[int]:
    """Returns up to `MAX_TRIES` frames of a group, evenly spaced, without its ends."""
    is_long = len(frames) > 2 * DISSOLVE_FRAMES + 1
    inner = frames[DISSOLVE_FRAMES:-DISSOLVE_FRAMES] if is_long else frames
    chosen = np.unique(np.linspace(0, len(inner) - 1, MAX_TRIES).round().astype(int))
    return [inner[k] for k in chosen]


def _candidates(sampled: SampledVideo, known: list[int], i: int) -> list[int]:
    """Returns the frames of the main group that frame `i` is searched for in.

    They are the nearest in time before and after it, among all and among those that show at least
    as much of the scene as is typical.
    """
    scales = pixel_scale(np.stack([sampled.frames[j].pose.matrix for j in known]))
    typical = [known[n] for n in np.flatnonzero(scales > 0.9 * np.median(scales))]
    chosen = []
    for frames in (known, typical):
        before = [j for j in frames if j < i - DISSOLVE_FRAMES][-1:]
        after = [j for j in frames if j > i + DISSOLVE_FRAMES][:1]
        chosen += [j for j in before + after if j not in chosen]
    return chosen or known[:1]


def _apply(sampled: SampledVideo, frames: list[int], link: np.ndarray, shot: int) -> None:
    """Multiply the poses of frames by `link` (3, 3) and assign the frames to a shot."""
    for i in frames:
        sampled.set_pose(i, link @ sampled.frames[i].pose.matrix, shot)
