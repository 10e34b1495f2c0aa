"""Where the canvas is in every frame, and in what light: poses settled, corners, gains."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.align import Pose
from ingest.canvas import Canvas, find_canvas, lasting_change, whole_frame
from ingest.compose import rectified
from ingest.errors import Refusal
from ingest.face import margin_view, on_face
from ingest.fill import filled
from ingest.geometry import pixel_scale, valid_area, warp
from ingest.light import apply_gain
from ingest.link import link_views
from ingest.middle import middle_look
from ingest.nudge import find_places, place_frames
from ingest.reground import MIN_SEEN, reground
from ingest.segmenting import told_canvas
from ingest.settings import IngestConfig
from ingest.settle import Ground
from ingest.surroundings import surrounding_gains
from ingest.view_border import is_view_border
from ingest.watch import MIN_FRAMES, Look

LIGHT_SCALE = 0.25
"""Scale, of take coordinates, at which the light of the surroundings is compared."""
SETTLINGS, COMPOSITES, COMPOSITE_FRAMES = 2, 10, 5
"""How often frames are settled, each time on sharper composites; how many of these, of how many
frames each."""
MOVED_SHARE = 0.006
"""How far, of the canvas's diagonal, a side may be moved on the word of frames before a push."""
END_FRAMES, ALL_IN_VIEW, SAME_SCALE = 7, 0.99, 1.04
"""Frames that show the start and the end of a painting; the share of the canvas that they show; and
how much their scale may differ from that of most frames."""


@dataclass(frozen=True, eq=False)
class Placed:
    """The canvas in the frames of the main view."""

    used: list[int]
    """Positions among the frames looked at of the frames that show the canvas (n)."""
    canvas: Canvas
    gains: np.ndarray | None
    """float32 (n, 3), where the surroundings of the canvas tell the light."""


def place_canvas(look: Look, name: str, config: IngestConfig) -> Placed:
    """Find the canvas in all frames.

    Args:
        name: of the video, for messages.

    Raises:
        Refusal: canvas-lost.
    """
    used = link_views(look)
    if len(used) < MIN_FRAMES:
        raise Refusal(
            "canvas-lost",
            f"no view of {name} lasts for {MIN_FRAMES} of its {len(look.looked)} "
            "frames: the camera or the canvas moves too much to be followed",
        )
    height, width = look.looked[0].grey.shape
    size = (width, height)
    composites = _composed(look, used, size)
    for _ in range(SETTLINGS):
        used = _settled(look, used, composites, config)
        composites = _composed(look, used, size)
    moved = _unnudge(look, used, composites, _about(composites, config))
    if moved:
        _steadied(look, used, moved, _composed(look, used, size))
        composites = _composed(look, used, size)
    told = told_canvas(composites, config.segmenter)
    canvas = told or find_canvas(composites, config.canvas)
    if canvas.kind != "quad":
        canvas = _about(composites, config)
        poses = [look.looked[i].pose.matrix for i in used]
        if canvas.kind == "quad" and is_view_border(canvas.corners, poses, size):
            canvas = whole_frame(composites, config.canvas)
    gains = _light(look, used, canvas, size)
    if gains is not None:
        canvas = _faced(look, used, moved, canvas, gains)
    return Placed(used, canvas, gains)


def _about(composites: list[np.ndarray], config: IngestConfig) -> Canvas:
    """The canvas as most of a take shows it, or as its first or last half does, should it have been
    moved in between."""
    middle, change = len(composites) // 2, lasting_change(composites)
    parts = [part for part in (composites, composites[:middle], composites[middle:]) if part]
    return max((find_canvas(part, config.canvas, change) for part in parts), key=_outlined)


def _outlined(canvas: Canvas) -> tuple[bool, float]:
    return canvas.kind == "quad", canvas.score


def _unnudge(look: Look, used: list[int], composites: list[np.ndarray], canvas: Canvas) -> set[int]:
    """Bring the canvas back to where it is most of the time, wherever it was moved on the table;
    returns the frames in which it lay elsewhere."""
    if canvas.kind != "quad":
        return set()
    places = find_places(composites, canvas)
    if not any(place is not None and place.number for place in places):
        return set()
    greys = [look.looked[i].grey for i in used]
    poses = [look.looked[i].pose for i in used]
    back = place_frames(greys, [pose.matrix for pose in poses], places, canvas.corners)
    moved = set()
    for i, pose, place in zip(used, poses, back, strict=True):
        if place.number:
            moved.add(i)
            _set_pose(look, i, place.back @ pose.matrix)
    return moved


def _steadied(look: Look, used: list[int], moved: set[int], composites: list[np.ndarray]) -> None:
    """Register the frames that were moved back once more, to the canvas as it looks about then.

    Of the table they may show too little that lasts: a pushed canvas hid what later lies bare.
    """
    for k, group in enumerate(np.array_split(np.array(used), len(composites))):
        there = [int(i) for i in group if int(i) in moved]
        if not there:
            continue
        local = Ground([composites[k]])
        for i in there:
            fine = local.settle(look.looked[i].grey, look.looked[i].pose.matrix)
            if fine is not None:
                _set_pose(look, i, fine)


def _set_pose(look: Look, i: int, matrix: np.ndarray) -> None:
    pose = Pose(look.looked[i].pose.take, matrix / matrix[2, 2])
    look.looked[i] = replace(look.looked[i], pose=pose)


class _Grounds:
    """What frames are settled on: what lasts, or else the canvas as it looks about then."""

    def __init__(self, composites: list[np.ndarray], config: IngestConfig) -> None:
        self.composites, self.lasting = composites, Ground(composites)

        def corners() -> np.ndarray | None:
            about = _about(composites, config)
            return about.corners if about.kind == "quad" else None

        firm = self.lasting.is_firm
        self.slid = reground(composites, self.lasting, corners) if firm else []
        self._local: dict[int, Ground] = {}

    def settle(self, image: np.ndarray, pose: np.ndarray, part: float) -> np.ndarray | None:
        """A finer pose (3, 3); `part` of the take, 0 to 1, lies before the frame."""
        k = min(int(part * len(self.composites)), len(self.composites) - 1)
        fine = self.lasting.settle(image, pose)
        # Where the view slid, the frames at the rim of a stretch may belong to its neighbour.
        for j in (k, k - 1, k + 1):
            back = self.slid[j] if 0 <= j < len(self.slid) else None
            if fine is None and back is not None:
                fine = self.lasting.settle(image, back @ pose, MIN_SEEN)
        if fine is not None:
            return fine
        if k not in self._local:
            self._local[k] = Ground([self.composites[k]])
        fine, back = self._local[k].settle(image, pose), self.slid[k]
        return fine if fine is None or back is None else back @ fine


def _settled(
    look: Look, used: list[int], composites: list[np.ndarray], config: IngestConfig
) -> list[int]:
    """Register the frames once more, to what stays, or to the canvas as it looks about then.

    Returns the frames that could be: a frame that fits neither is registered wrongly.
    """
    grounds = _Grounds(composites, config)
    if not grounds.lasting.is_firm:
        return used
    settled = []
    for n, i in enumerate(used):
        frame = look.looked[i]
        fine = grounds.settle(frame.grey, frame.pose.matrix, n / len(used))
        if fine is not None:
            settled.append(i)
            _set_pose(look, i, fine)
    return settled if len(settled) >= MIN_FRAMES else used


def _composed(look: Look, used: list[int], size: tuple[int, int]) -> list[np.ndarray]:
    """Composites through the main view, from its frames as they are registered now.

    What frames do not show is filled in from those before, or else from those after.
    """
    composites: list[np.ndarray] = []
    seen_by_now: list[np.ndarray] = []
    for group in np.array_split(np.array(used), min(COMPOSITES, len(used) // COMPOSITE_FRAMES)):
        places = np.linspace(0, len(group) - 1, COMPOSITE_FRAMES).round().astype(int)
        looks = []
        known = seen_by_now[-1].copy() if seen_by_now else np.zeros(size[::-1], bool)
        for i in group[places]:
            image, matrix = look.spool.image(i), look.take_from_spooled(i)
            seen = rectified(image, matrix, size)
            outside = ~valid_area(image.shape, matrix, size)
            known |= ~outside
            base = composites or looks
            if base and outside.any():
                seen[outside] = base[-1][outside]
            looks.append(seen)
        composites.append(middle_look(looks))
        seen_by_now.append(known)
    # The end of a nearer view is no edge of anything.
    for k in range(len(composites) - 2, -1, -1):
        composites[k] = filled(composites[k], seen_by_now[k], composites[k + 1])
    return composites


def _light(look: Look, used: list[int], canvas: Canvas, size: tuple[int, int]) -> np.ndarray | None:
    """Light by the surroundings of the canvas, where there are any."""
    return surrounding_gains(
        [look.looked[i].small for i in used],
        [look.take_from_small(i) for i in used],
        canvas.corners,
        size,
        LIGHT_SCALE,
    )


def _faced(
    look: Look, used: list[int], moved: set[int], canvas: Canvas, light: np.ndarray
) -> Canvas:
    """The canvas with its sides on the painted face."""
    faced = on_face(canvas, *_ends(look, used, canvas, light))
    step = np.linalg.norm(faced.corners - canvas.corners, axis=1).max()
    if not moved or step <= MOVED_SHARE * np.linalg.norm(canvas.corners[2] - canvas.corners[0]):
        return faced
    # Brought back a little wrong, the canvas before it was pushed shows paint where none is.
    still = [n for n, i in enumerate(used) if i not in moved]
    return on_face(canvas, *_ends(look, [used[n] for n in still], canvas, light[still]))


def _ends(
    look: Look, used: list[int], canvas: Canvas, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The canvas and a margin at the start and at the end of the main view, without most hands.

    Only frames that show all of it, from about where most frames show it, are taken: nearer ones
    see the thickness of the canvas from another angle.
    """
    view, size = margin_view(canvas)
    shape = look.spool.image(used[0]).shape
    whole = [
        n
        for n, i in enumerate(used)
        if valid_area(shape, view @ look.take_from_spooled(i), size).mean() > ALL_IN_VIEW
    ]
    scales = np.array([pixel_scale(view @ look.take_from_spooled(used[n])) for n in whole])
    near = np.abs(np.log(scales / np.median(scales))) < np.log(SAME_SCALE)
    whole = [n for n, is_near in zip(whole, near, strict=True) if is_near] or list(range(len(used)))
    ends = []
    for numbers in (whole[:END_FRAMES], whole[-END_FRAMES:]):
        looks = [
            apply_gain(
                warp(look.spool.image(used[n]), view @ look.take_from_spooled(used[n]), size),
                light[n],
            )
            for n in numbers
        ]
        ends.append(middle_look(looks))
    return ends[0], ends[1]
