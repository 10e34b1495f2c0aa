"""Joins the takes of one video that show the same canvas, and sees them from where most frames do.

A camera that is moved, or a view that comes back nearer, starts a new take: its first frames fit
nothing that is known. Later, when both are known whole, frames of one can be found in the other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.align import Pose, Sight, Take, fits
from ingest.canvas import typical_pose
from ingest.registration import Features, features, grey, recover
from ingest.watch import Look

TRIES, LEAST_FRAMES, LEAST_INLIERS, LEAST_FIT = 4, 3, 14, 0.5
"""Frames of a take that are looked for in another, frames that a take needs to be worth it, and
points that must agree; and share of the frames tried that have to fit where the link puts them."""


def join_takes(look: Look) -> list[int]:
    """Bring every frame that shows the main take's canvas into its coordinates.

    Returns the positions of these frames; their poses in `look` are changed, and so is the origin:
    coordinates become those of a typical frame.
    """
    main = look.tracker.main_take()
    members: dict[int, list[int]] = {}
    for i, frame in enumerate(look.looked):
        members.setdefault(frame.pose.take, []).append(i)
    used = list(members[main.number])
    cache: dict[int, Features] = {}
    for take in sorted(look.tracker.takes, key=lambda take: (-take.num_frames, take.number)):
        if take is main or take.num_frames < LEAST_FRAMES:
            continue
        link = _link(look, main, members[take.number], cache)
        if link is None:
            continue
        for i in members[take.number]:
            _set_pose(look, i, main.number, link @ look.looked[i].pose.matrix)
        used += members[take.number]
    return seen_typically(look, sorted(used), main)


def seen_typically(look: Look, used: list[int], main: Take) -> list[int]:
    """Make the coordinates those of a typical frame: all of the canvas is in it, if in any."""
    origin = np.linalg.inv(typical_pose([look.looked[i].pose.matrix for i in used], main.size))
    for i in used:
        _set_pose(look, i, main.number, origin @ look.looked[i].pose.matrix)
    return used


def _link(
    look: Look, main: Take, frames: list[int], cache: dict[int, Features]
) -> np.ndarray | None:
    """The homography from another take's coordinates to those of the main take, if it is found."""
    best: tuple[int, np.ndarray] | None = None
    tried: list[tuple[int, np.ndarray]] = []
    places = np.unique(np.linspace(0, len(frames) - 1, TRIES).round().astype(int))
    for i in (frames[p] for p in places):
        near = _nearest(main, i)
        if near is None:
            return None
        composite = main.snapshots[near][1]
        tried.append((i, composite))
        if near not in cache:
            cache[near] = features(grey(composite))
        found = recover(cache[near], features(look.looked[i].grey), look.looked[i].grey.shape)
        if found is None or found.num_inliers < LEAST_INLIERS:
            continue
        if best is None or found.num_inliers > best[0]:
            best = found.num_inliers, found.matrix @ np.linalg.inv(look.looked[i].pose.matrix)
    if best is None:
        return None
    # One frame may be half dissolved into the other view: the rest of the take has to fit as well.
    fitting = [
        fits(composite, Sight.of(look.resized(i)), best[1] @ look.looked[i].pose.matrix)
        for i, composite in tried
    ]
    return best[1] if np.mean(fitting) >= LEAST_FIT else None


def _nearest(main: Take, position: int) -> int | None:
    """Which composite of a take was made nearest to a frame; None if there are none."""
    return min(
        range(len(main.snapshots)),
        key=lambda k: abs(main.snapshots[k][0] - position),
        default=None,
    )


def _set_pose(look: Look, i: int, take: int, matrix: np.ndarray) -> None:
    look.looked[i] = replace(look.looked[i], pose=Pose(take, matrix / matrix[2, 2]))
