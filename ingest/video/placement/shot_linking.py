"""Links the stretches of a video that show one canvas, and sees them from where most frames do.

While frames come in they are followed one by one, and a cut to a nearer view, a dissolve, or a hand
over everything may go unnoticed: tracking goes on in a pose that is wrong from there on. Afterwards
every frame is laid over those shortly before it. Where they do not look alike the video is cut, and
each stretch is found again in the others by features, whatever the tracking thought of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import typical_pose
from ingest.video.imaging.geometry import pixel_scale, scaling, valid_area, warp
from ingest.video.imaging.median import middle_look
from ingest.video.registration.homography import Features, Fit, features, grey, recover
from ingest.video.registration.observation import Look

LAGS = {1: 0.3, 4: 0.2, 8: 0.2, 12: 0.12}
"""How alike (correlation) a frame and the one so many frames before it must be, where the poses lay
them over each other, not to be cut apart. Right poses give 0.3 to 0.9, wrong ones less than 0.2."""
LEAST_SHARED = 0.15
"""Share of the view that two frames must have in common to be told alike."""
SAME, ENDS = 0.4, 3
"""Likeness at which two stretches of one take belong together as they are, and how many frames near
their ends are laid over each other: not the very ends, which may show two views at once."""
LEAST_FRAMES, TRIES, LEAST_INLIERS, FIRM_INLIERS, LEAST_ALIKE = 3, 4, 14, 60, 0.3
"""Frames that a stretch needs; frames of it that are looked for; points that must agree, and with
how many no better frame is sought; and how alike two frames must be where the link puts them."""
AROUND = (-4, -2, 0, 2, 4)
"""Frames, counted from the one that is looked for, whose middle look has fewer hands in it."""
DISSOLVE = 2
"""Frames at the ends of a stretch that may show two views at once."""
TRIM, TRIM_LAGS, USUAL_SHARE = 6, (4, 8), 0.8
"""How many frames at an end of a stretch may be left out, which show the next view already in the
pose of this one: they are less like the frames so many away, by this share, than others are."""


@dataclass(eq=False)
class _Run:
    """Consecutive frames within which the poses hold."""

    take: int
    frames: list[int]
    between: list[int]
    """Frames between this run and the one before it of which the poses may be either's."""


@dataclass(eq=False)
class _Group:
    """Frames that share coordinates."""

    frames: list[int]


class _Pictures:
    """What is compared of frames; each made once."""

    def __init__(self, look: Look) -> None:
        self.look = look
        first = look.looked[0]
        self.shrink = scaling(min(first.small.shape[:2]) / min(first.grey.shape))
        self.enlarge = np.linalg.inv(self.shrink)
        self.greys = [grey(frame.small) for frame in look.looked]
        self._features: dict[int, Features] = {}
        self._recovered: dict[tuple[int, int], Fit | None] = {}

    def recovered(
        self, known: int, known_group: list[int], seen: int, seen_group: list[int]
    ) -> Fit | None:
        """Where one frame is found in another by features; of each the frames of its group."""
        if (known, seen) not in self._recovered:
            self._recovered[known, seen] = recover(
                self.features(known, known_group),
                self.features(seen, seen_group),
                self.look.looked[seen].grey.shape,
            )
        return self._recovered[known, seen]

    def features(self, i: int, group: list[int]) -> Features:
        """Features of frame i, from the middle look of the frames of its group around it."""
        if i not in self._features:
            place, looked = group.index(i), self.look.looked
            around = [group[p] for p in (place + n for n in AROUND) if 0 <= p < len(group)]
            size = (looked[i].grey.shape[1], looked[i].grey.shape[0])
            back = np.linalg.inv(looked[i].pose.matrix)
            seen = [
                warp(looked[j].grey, back @ looked[j].pose.matrix, size)
                for j in around
                if abs(j - i) <= 2 * max(AROUND)
            ]
            self._features[i] = features(middle_look(seen))
        return self._features[i]

    def alike(self, i: int, j: int, matrix: np.ndarray) -> float:
        """Correlation of two frames when frame i is moved onto frame j by a homography (3, 3)."""
        one, other = self.greys[i], self.greys[j]
        matrix = self.shrink @ matrix @ self.enlarge
        size = (other.shape[1], other.shape[0])
        shared = valid_area(one.shape, matrix, size)
        if shared.mean() < LEAST_SHARED:
            return 0.0
        return correlation(warp(one, matrix, size), other, shared)

    def alike_by_poses(self, i: int, j: int) -> float:
        one, other = (self.look.looked[k].pose.matrix for k in (i, j))
        return self.alike(i, j, np.linalg.inv(other) @ one)


def correlation(a: np.ndarray, b: np.ndarray, shared: np.ndarray) -> float:
    """Of two grey pictures uint8 (h, w) where they share pixels, bool (h, w)."""
    mask = shared.view(np.uint8)
    number = cv2.countNonZero(mask)
    mean_a, mean_b = cv2.mean(a, mask)[0], cv2.mean(b, mask)[0]
    square_a, square_b = (cv2.norm(part, cv2.NORM_L2SQR, mask) / number for part in (a, b))
    # Sums of squares are exact and quick, so the product is told by the square of the difference.
    product = (square_a + square_b - cv2.norm(a, b, cv2.NORM_L2SQR, mask) / number) / 2
    spread = np.sqrt(max(square_a - mean_a**2, 0.0) * max(square_b - mean_b**2, 0.0))
    return float((product - mean_a * mean_b) / max(spread, 1e-6))


def stretches_of(look: Look) -> list[list[int]]:
    """Runs of frames within which the poses hold, as positions of frames."""
    return [run.frames for run in _stretches(_Pictures(look))]


def link_views(look: Look) -> list[int]:
    """Bring all frames that show the main view's canvas into one set of coordinates.

    Returns the positions of these frames, rising. Their poses in `look` are changed: they share the
    coordinates of a typical frame.
    """
    pictures = _Pictures(look)
    groups = _joined(pictures, _stretches(pictures))
    groups.sort(key=lambda group: (-len(group.frames), group.frames[0]))
    main, waiting = groups[0], groups[1:]
    while True:
        # What was linked shows more of the canvas, in which more may be found.
        linked = [group for group in waiting if _link(pictures, group, main)]
        if not linked:
            break
        waiting = [group for group in waiting if group not in linked]
    return seen_typically(look, main.frames)


def seen_typically(look: Look, used: list[int]) -> list[int]:
    """Make the coordinates those of a typical frame: all of the canvas is in it, if in any."""
    height, width = look.looked[used[0]].grey.shape
    matrices = [look.looked[i].pose.matrix for i in used]
    _move(look, used, np.linalg.inv(typical_pose(matrices, (width, height))), 0)
    return used


def _stretches(pictures: _Pictures) -> list[_Run]:
    """Runs of frames within which the poses hold."""
    runs: list[_Run] = []
    for i, frame in enumerate(pictures.look.looked):
        run = runs[-1] if runs else None
        if run is None or frame.pose.take != run.take:
            runs.append(_Run(frame.pose.take, [i], []))
            continue
        broken = next((lag for lag, least in LAGS.items() if _breaks(pictures, run, lag, least)), 0)
        if not broken:
            run.frames.append(i)
            continue
        # In a dissolve every frame is like the one before it: the cut is somewhere in between.
        kept = max(1, len(run.frames) - broken + 1)
        run.frames, between = run.frames[:kept], run.frames[kept:]
        runs.append(_Run(run.take, [i], between))
    for run in runs:
        _trim(pictures, run)
    return runs


def _trim(pictures: _Pictures, run: _Run) -> None:
    """Leave out frames at the ends of a run that dissolve into other views."""
    frames, last = run.frames, len(run.frames) - 1
    if len(frames) < 2 * max(TRIM_LAGS):
        return
    usual = {
        lag: np.median(
            [
                pictures.alike_by_poses(i, j)
                for i, j in zip(frames[::4], frames[lag::4], strict=False)
            ]
        )
        for lag in TRIM_LAGS
    }

    def is_mixed(place: int, way: int) -> bool:
        return all(
            pictures.alike_by_poses(frames[place], frames[place + way * lag])
            < USUAL_SHARE * usual[lag]
            for lag in TRIM_LAGS
        )

    start = end = 0
    while start < TRIM and frames[0] > 0 and is_mixed(start, 1):
        start += 1
    while end < TRIM and frames[-1] < len(pictures.look.looked) - 1 and is_mixed(last - end, -1):
        end += 1
    # The frame beside the last mixed one is mixed a little as well.
    start, end = start + (start > 0), end + (end > 0)
    run.frames = frames[start : len(frames) - end]


def _breaks(pictures: _Pictures, run: _Run, lag: int, least: float) -> bool:
    """Whether the frame after a run is unlike the one so many frames before it."""
    if len(run.frames) < lag:
        return False
    return pictures.alike_by_poses(run.frames[-1] + 1, run.frames[-lag]) < least


def _joined(pictures: _Pictures, runs: list[_Run]) -> list[_Group]:
    """Runs of one take that look alike as their poses have them: a hand came between, no cut."""
    groups: list[_Group] = []
    for run in runs:
        for group in reversed(groups):
            if pictures.look.looked[group.frames[0]].pose.take != run.take:
                continue
            head = run.frames[ENDS - 1 : 2 * ENDS - 1] or run.frames[-1:]
            tail = group.frames[1 - 2 * ENDS : 1 - ENDS] or group.frames[:1]
            if max(pictures.alike_by_poses(i, j) for i in head for j in tail) >= SAME:
                group.frames += run.between + run.frames
                break
        else:
            groups.append(_Group(list(run.frames)))
    return groups


def _link(pictures: _Pictures, group: _Group, main: _Group) -> bool:
    """Find a group in the main one and add it there; whether it was found."""
    look, best = pictures.look, None
    if len(group.frames) < LEAST_FRAMES:
        return False
    tries = _spread(group.frames)
    for i in tries:
        for j in _candidates(look, main.frames, i):
            found = pictures.recovered(j, main.frames, i, group.frames)
            if found is None or found.num_inliers < LEAST_INLIERS:
                continue
            if best is None or found.num_inliers > best[0]:
                link = look.looked[j].pose.matrix @ found.matrix
                best = found.num_inliers, link @ np.linalg.inv(look.looked[i].pose.matrix)
        if best is not None and best[0] >= FIRM_INLIERS:
            break
    if best is None or not _holds(pictures, tries, main.frames, best[1]):
        return False
    _move(look, group.frames, best[1], look.looked[main.frames[0]].pose.take)
    main.frames = sorted(main.frames + group.frames)
    return True


def _holds(pictures: _Pictures, tries: list[int], known: list[int], link: np.ndarray) -> bool:
    """Whether frames of a group look like those near them in time, where a link puts them."""
    looked, alike = pictures.look.looked, []
    for i in tries:
        moved = link @ looked[i].pose.matrix
        alike += [
            pictures.alike(i, j, np.linalg.inv(looked[j].pose.matrix) @ moved)
            for j in _candidates(pictures.look, known, i)
        ]
    return max(alike) >= LEAST_ALIKE


def _spread(frames: list[int]) -> list[int]:
    """A few frames of a group, not its very ends."""
    inner = frames[DISSOLVE:-DISSOLVE] if len(frames) > 2 * DISSOLVE + 1 else frames
    places = np.unique(np.linspace(0, len(inner) - 1, TRIES).round().astype(int))
    return [inner[p] for p in places]


def _candidates(look: Look, known: list[int], i: int) -> list[int]:
    """Frames of the main group in which frame i may be found: those nearest in time before and
    after it, and the nearest ones that see as much as most do."""
    scales = pixel_scale(np.stack([look.looked[j].pose.matrix for j in known]))
    wide = [known[n] for n in np.flatnonzero(scales > 0.9 * np.median(scales))]
    chosen = []
    for frames in (known, wide):
        before = [j for j in frames if j < i - DISSOLVE][-1:]
        after = [j for j in frames if j > i + DISSOLVE][:1]
        chosen += [j for j in before + after if j not in chosen]
    return chosen or known[:1]


def _move(look: Look, frames: list[int], link: np.ndarray, take: int) -> None:
    for i in frames:
        look.lay(i, link @ look.looked[i].pose.matrix, take)
