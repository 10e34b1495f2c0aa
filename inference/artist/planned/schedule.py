"""Cuts a plan into steps: where the next step paints, given how far every place is finished."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from inference.artist.planned.plan import UNNAMED, Layer, PaintingPlan
from inference.strokes.medium import NUM_LEVELS

COST_SHARES = (0.0, 0.32, 0.28, 0.24, 0.16)
"""Share of the painting time that each level takes, by level."""
HIDDEN_REACH = 0.09
"""How far a region is painted on beneath a later one, as a share of the short side."""
RUN_OUT_REACH = 0.08
"""How far strokes of the first coat may run out on bare canvas, as a share of the short side."""
STRETCH = 1.35
"""A rest that makes a step at most so much longer is painted with it."""
SMALLEST_STEP = 0.4
"""A step that would paint less than this share of its usual area goes on with the next layer."""
NOTHING = -1
"""No region, where regions are numbered per pixel."""
SIMULATION_SIDE_PX = 96
"""Short side of the picture on which the number of steps is tried out."""


@dataclass(frozen=True, eq=False)
class NextStep:
    """Where the next step of the plan paints."""

    mask: np.ndarray
    """bool (H, W): pixels that go up one level."""
    hidden: np.ndarray
    """int16 (H, W): the region whose first coat is painted here though a later region will cover
    it, or whose strokes may run out here; -1 where none is."""
    run_out: np.ndarray
    """bool (H, W): pixels of `hidden` where strokes only run out."""


class Schedule:
    """The steps of a plan on one picture."""

    def __init__(self, plan: PaintingPlan, seed: int) -> None:
        self.plan = plan
        self._sweep = _sweep(plan.regions.labels.shape, seed)
        self._hidden: dict[int, np.ndarray] = {}

    def pending_layers(self, levels: np.ndarray) -> list[Layer]:
        """The layers that are not painted to the end, in order.

        Args:
            levels: uint8 (H, W), the finish of every pixel.
        """
        # The lowest level of each region, in one pass over the picture.
        seen = np.bincount(
            np.int64(8) * self.plan.regions.labels.ravel() + levels.ravel(),
            minlength=8 * self.plan.regions.count,
        ).reshape(-1, 8)
        # A region without a pixel (a thin one on a small copy) has nothing left to paint.
        lowest = np.where(seen.any(axis=1), (seen > 0).argmax(axis=1), NUM_LEVELS)
        return [layer for layer in self.plan.layers if lowest[layer.region] < layer.level]

    def next_step(self, levels: np.ndarray, num_steps: float, word: str = "") -> NextStep:
        """The next part of the plan.

        Args:
            levels: uint8 (H, W), the finish of every pixel.
            num_steps: steps of the whole painting; more steps are smaller.
            word: layers of regions with this word come first.
        """
        said = word.strip().casefold()
        named = {n for n, own in enumerate(self.plan.words) if own == said != UNNAMED}
        named |= set(self.plan.named(said))
        layers = self.pending_layers(levels)
        layers = [layer for layer in layers if layer.region in named] or layers
        mask = np.zeros(levels.shape, bool)
        hidden = np.full(levels.shape, NOTHING, np.int16)
        for layer in layers:
            share = 1.0 / (COST_SHARES[layer.level] * num_steps)
            if layer.level != layers[0].level or mask.mean() > SMALLEST_STEP * share:
                break
            pending = self.plan.regions.mask(layer.region) & (levels < layer.level)
            part = self._first_part(pending, share - float(mask.mean()))
            mask |= part
            if layer.level == 1:
                self._add_hidden(hidden, layer.region, part, levels)
        hidden[mask] = NOTHING
        if not layers or layers[0].level > 1:
            return NextStep(mask, hidden, np.zeros_like(mask))
        return NextStep(mask, hidden, self._add_run_out(hidden, mask, levels))

    def _first_part(self, pending: np.ndarray, share: float) -> np.ndarray:
        """All of `pending` where it is small enough for a step, else the pixels that the hand
        passes first, `share` of the canvas; bool (H, W)."""
        wanted = max(1, int(share * pending.size))
        if pending.sum() <= STRETCH * wanted:
            return pending
        return pending & (self._sweep <= np.partition(self._sweep[pending], wanted)[wanted])

    def _add_hidden(
        self, hidden: np.ndarray, region: int, part: np.ndarray, levels: np.ndarray
    ) -> None:
        """What lies beneath later regions near this part of a region, and is bare yet."""
        if region not in self._hidden:
            self._hidden[region] = _hidden_beneath(self.plan, region)
        moments = self._sweep[part]
        if not moments.size:
            return
        reached = self._hidden[region] & (levels == 0) & (self._sweep <= float(moments.max()))
        reached &= self._sweep >= float(moments.min()) - 0.05
        hidden[reached] = region

    def _add_run_out(self, hidden: np.ndarray, mask: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Let strokes of the first coat run out on the bare canvas around them, so that they end as
        strokes end; bool (H, W)."""
        labels = np.where(mask, self.plan.regions.labels, hidden).astype(np.int16) + 1
        grown = cv2.dilate(labels, _disc(RUN_OUT_REACH * min(mask.shape)))
        run_out = (grown > 0) & (labels == 0) & (levels == 0)
        hidden[run_out] = grown[run_out] - 1
        return run_out


def fitted_num_steps(plan: PaintingPlan, seed: int, wanted: int) -> float:
    """The `num_steps` of `Schedule.next_step` with which the plan takes about `wanted` steps.

    Regions don't end where steps end, so a plan takes more steps than its time says. The steps are
    counted on a small copy of the picture.
    """
    small = Schedule(_scaled_plan(plan), seed)
    low, high = wanted / 4.0, float(wanted)
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if _count_steps(small, middle) <= wanted else (low, middle)
    return low


def _count_steps(schedule: Schedule, num_steps: float) -> int:
    levels = np.zeros(schedule.plan.regions.labels.shape, np.uint8)
    count = 0
    while schedule.pending_layers(levels):
        levels = levels + schedule.next_step(levels, num_steps).mask.astype(np.uint8)
        count += 1
    return count


def _scaled_plan(plan: PaintingPlan) -> PaintingPlan:
    labels = plan.regions.labels
    scale = min(1.0, SIMULATION_SIDE_PX / min(labels.shape))
    size = (max(1, round(labels.shape[1] * scale)), max(1, round(labels.shape[0] * scale)))
    small = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    return replace(plan, regions=replace(plan.regions, labels=small))


def _hidden_beneath(plan: PaintingPlan, region: int) -> np.ndarray:
    """bool (H, W): what lies beneath later regions and is painted with `region`: a rim, and gaps
    that the region surrounds."""
    mask = plan.regions.mask(region).astype(np.uint8)
    short = min(mask.shape)
    scale = min(1.0, 256 / short)
    small = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    disc = _disc(HIDDEN_REACH * short * scale)
    border = disc.shape[0]
    padded = np.pad(small, border)
    gaps = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc, iterations=2)
    gaps = gaps[border:-border, border:-border]
    grown = np.maximum(cv2.dilate(small, disc), gaps)
    grown = cv2.resize(grown, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_NEAREST)
    return (grown > 0) & plan.later(region) & (mask == 0)


def _sweep(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """float32 (H, W): the moment at which a hand that works its way down the canvas passes each
    pixel; smaller comes first."""
    height, width = shape
    rng = np.random.default_rng([seed, 23])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / min(shape)
    noise = rng.normal(0, 0.07, (6, 6)).astype(np.float32)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return y + float(rng.uniform(-0.5, 0.5)) * x + noise


def _disc(radius_px: float) -> np.ndarray:
    side = 2 * max(1, round(radius_px)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
