"""Draws the events of a film: zooms, cutaways, skips, captions, fades, exposure steps, hands.

The profiles tripod and handheld have an empty script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.studio.script.shots import ShotSchedule

Corner = Literal["top left", "top right", "bottom left", "bottom right"]


@dataclass(frozen=True)
class Insert:
    """Seconds of film in which no paint is laid: a shot of something else, or a pause."""

    share: float
    """When, as a share of the painting time, 0 to 1; it moves to the nearest trip for paint."""
    length_s: float
    shot: Literal["painting", "palette", "other"]


@dataclass(frozen=True)
class Skip:
    """Painting that the film leaves out."""

    share: float
    length_s: float
    """How much of the work is left out, in seconds of film that it would have taken."""


@dataclass(frozen=True)
class Zoom:
    """A close view of a part of the canvas. Times in seconds of the film."""

    start_s: float
    end_s: float
    ramp_s: float
    """Duration of zooming in and of zooming out; 0: by a cut."""
    scale: float
    place: tuple[float, float]
    """Centre of the zoom, in shares of the canvas's width and height."""
    turn_deg: float


@dataclass(frozen=True)
class Caption:
    """A text in the lower third."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Watermark:
    """A name in the first corner, from `move_s` on in the second."""

    text: str
    corners: tuple[Corner, Corner]
    move_s: float


@dataclass(frozen=True)
class Fade:
    """A dissolve into the next shot, or through black; `at_s` is its middle."""

    at_s: float
    length_s: float
    kind: Literal["dissolve", "black"]


@dataclass(frozen=True)
class CanvasDisplacement:
    """The canvas is moved on the table and stays there."""

    at_s: float
    shift: tuple[float, float]
    """In shares of the canvas's short side."""
    turn_deg: float


@dataclass(frozen=True)
class Script:
    """Everything random about one film besides the painting. Stored in truth.json."""

    inserts: tuple[Insert, ...] = ()
    skips: tuple[Skip, ...] = ()
    zooms: tuple[Zoom, ...] = ()
    captions: tuple[Caption, ...] = ()
    watermark: Watermark | None = None
    fades: tuple[Fade, ...] = ()
    exposures: tuple[tuple[float, float], ...] = ()
    """Time in seconds from which on the exposure is multiplied by a factor, in order."""
    nudge: CanvasDisplacement | None = None
    helper_s: tuple[tuple[float, float], ...] = ()
    """Intervals in which the other hand lies on the canvas, in seconds."""
    helper_has_rag: bool = False
    """Whether the other hand lies on a rag."""
    left_handed: bool = False
    wide_shadow: bool = False
    """Whether the painting hand throws a soft shadow larger than itself."""
    steadiness: float = 1.0
    """Factor on the camera's movement."""
    repaints: int = 0
    """How often the painter goes back and paints something over."""


_CAPTIONS = (
    "Step 1: thin layers first", "Let it dry for ten minutes", "Titanium white + ultramarine",
    "Use a flat brush here", "Work from back to front", "Subscribe for more!", "Do not overwork it",
    "A little burnt sienna",
)  # fmt: skip
"""Texts of captions."""
_NAMES = ("@paintwithme", "studio.art", "ArtDaily", "brush&co", "@colour.hours")
"""Texts of watermarks."""
_CORNERS: tuple[Corner, ...] = ("top left", "top right", "bottom left", "bottom right")
"""Corners that a watermark may be in."""


def write_script(rng: np.random.Generator, schedule: ShotSchedule) -> Script:
    """Draw the script of a film with the shots of `schedule`."""
    start, end = schedule.first_touch_s, schedule.last_lift_s
    slots = _Slots(rng, start, end)
    zooms = tuple(_zoom(rng, slots) for _ in range(int(rng.integers(1, 4))))
    inserts = tuple(_insert(rng, slots) for _ in range(int(rng.integers(1, 4))))
    skips = tuple(
        Skip(0.9 * slots.share(), slots.span_s * rng.uniform(0.04, 0.1))
        for _ in range(int(rng.choice(3, p=[0.25, 0.4, 0.35])))
    )
    return Script(
        inserts=inserts,
        skips=skips,
        zooms=zooms,
        captions=_captions(rng, start, end),
        watermark=_watermark(rng, start, end) if rng.random() < 0.6 else None,
        fades=_fades(rng, schedule, zooms),
        exposures=_exposures(rng, start, end),
        nudge=_displacement(rng, slots) if rng.random() < 0.4 else None,
        helper_s=tuple(slots.interval(0.12, 0.3) for _ in range(int(rng.integers(0, 3)))),
        helper_has_rag=bool(rng.random() < 0.4),
        left_handed=bool(rng.random() < 0.3),
        wide_shadow=bool(rng.random() < 0.65),
        steadiness=float(rng.choice([0.2, 1.0, 2.2])),
        repaints=int(rng.choice(3, p=[0.3, 0.45, 0.25])),
    )


class _Slots:
    """Ten equal parts of the painting time, each used once, so that events spread out."""

    def __init__(self, rng: np.random.Generator, start_s: float, end_s: float) -> None:
        self.rng, self.start_s, self.span_s = rng, start_s, end_s - start_s
        self._left = list(rng.permutation(np.arange(10)))

    def share(self) -> float:
        """A time as a share of the span, never within 4 % of its ends."""
        slot = self._left.pop() if self._left else self.rng.integers(10)
        return float(0.05 + 0.082 * (slot + self.rng.uniform(0.15, 0.85)))

    def interval(self, least: float, most: float) -> tuple[float, float]:
        """An interval from an unused slot; it lasts `least` to `most` shares of the span."""
        begin = self.start_s + self.span_s * self.share()
        return begin, begin + self.span_s * self.rng.uniform(least, most)


def _zoom(rng: np.random.Generator, slots: _Slots) -> Zoom:
    start, end = slots.interval(0.05, 0.13)
    end = min(end, slots.start_s + 0.97 * slots.span_s)
    smooth = rng.random() < 0.45
    ramp = (end - start) * rng.uniform(0.15, 0.35) if smooth else 0.0
    near = rng.random() < 0.75
    scale = rng.uniform(1.5, 2.6) if near else rng.uniform(1.06, 1.3)
    place = (rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.75))
    turn = 0.0 if smooth else rng.normal(0, 2.5)
    return Zoom(start, end, float(ramp), float(scale), place, float(turn))


def _insert(rng: np.random.Generator, slots: _Slots) -> Insert:
    shots: tuple[Literal["painting", "palette", "other"], ...] = ("palette", "other", "painting")
    shot = shots[rng.choice(3, p=[0.5, 0.2, 0.3])]
    return Insert(slots.share(), float(slots.span_s * rng.uniform(0.03, 0.08)), shot)


def _captions(rng: np.random.Generator, start_s: float, end_s: float) -> tuple[Caption, ...]:
    span, captions = end_s - start_s, []
    for part in range(int(rng.integers(0, 4))):
        begin = start_s + span * (part + rng.uniform(0.0, 0.6)) / 4
        text = _CAPTIONS[rng.integers(len(_CAPTIONS))]
        captions.append(Caption(float(begin), float(begin + span * rng.uniform(0.05, 0.09)), text))
    return tuple(captions)


def _watermark(rng: np.random.Generator, start_s: float, end_s: float) -> Watermark:
    first, second = rng.permutation(4)[:2]
    moves = rng.random() < 0.5
    corners = (_CORNERS[first], _CORNERS[second if moves else first])
    return Watermark(
        _NAMES[rng.integers(len(_NAMES))], corners,
        float(start_s + rng.uniform(0.3, 0.7) * (end_s - start_s)),
    )  # fmt: skip


def _fades(
    rng: np.random.Generator, schedule: ShotSchedule, zooms: tuple[Zoom, ...]
) -> tuple[Fade, ...]:
    """Fades at the end of the intro and before beauty shot and end card, each with a chance of 0.6;
    a dissolve into some of the zooms that begin by a cut."""
    room_s = min(
        schedule.first_touch_s - schedule.intro_s, schedule.beauty_s - schedule.last_lift_s
    )
    kinds: tuple[Literal["dissolve", "black"], ...] = ("dissolve", "black")
    fades = [
        Fade(at_s, float(room_s * rng.uniform(0.8, 1.6)), kinds[rng.integers(2)])
        for at_s in (schedule.intro_s, schedule.beauty_s, schedule.end_card_s)
        if rng.random() < 0.6
    ]
    fades += [
        Fade(zoom.start_s, float(0.3 * (zoom.end_s - zoom.start_s)), "dissolve")
        for zoom in zooms
        if zoom.ramp_s == 0 and rng.random() < 0.35
    ]
    return tuple(fades)


def _exposures(
    rng: np.random.Generator, start_s: float, end_s: float
) -> tuple[tuple[float, float], ...]:
    """(time, exposure factor) of one to five steps of 5 to 20 %; factors in [0.75, 1.22]."""
    factor, steps = 1.0, []
    for time_s in np.sort(rng.uniform(start_s, end_s, int(rng.integers(1, 6)))):
        step = rng.uniform(0.05, 0.2)
        factor = factor / (1 + step) if factor > 1 or rng.random() < 0.5 else factor * (1 + step)
        factor = float(np.clip(factor, 0.75, 1.22))
        steps.append((float(time_s), factor))
    return tuple(steps)


def _displacement(rng: np.random.Generator, slots: _Slots) -> CanvasDisplacement:
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.015, 0.05)
    shift = (float(np.cos(angle) * reach), float(np.sin(angle) * reach))
    return CanvasDisplacement(
        slots.start_s + slots.span_s * slots.share(), shift, float(rng.normal(0, 1.2))
    )
