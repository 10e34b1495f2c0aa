"""Counts the painted steps that the keyframes show, and the keyframes without new paint."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.benchmark.pictures import Rectified
from ingest.ledger.outcome import StoredKeyframe
from ingest.studio.script.truth import StepTruth, Truth

VISIBLE_DIFFERENCE = 12.0
"""Difference (of 255) above which a change of colour is visible."""
SHOWN_SHARE = 0.5
"""Least share of a step's visible paint that appears between keyframes for it to be shown."""
MIN_VISIBLE = 0.0015
"""Least share of the canvas that a step changes visibly to be counted."""
MIN_NEW_PAINT = 0.001
"""Least share of the canvas that changes from one keyframe to the next, else it has no new
paint."""
LATE_S = 3.0
"""Seconds after the end of a step in which its paint may still appear, once no hand covers it."""


@dataclass(frozen=True)
class StepScore:
    """How many steps of a film its keyframes show."""

    num_steps: int
    """Steps that change the canvas visibly."""
    num_shown: int
    """Those whose paint appears between neighbouring keyframes of their time."""
    num_keyframes: int
    """Keyframes after the first."""
    num_without_paint: int
    """Those at whose time the true canvas is (nearly) the same as at the keyframe before."""
    missed: tuple[str, ...]
    """Words and times of the steps that are not shown."""


def score_steps(truth: Truth, keyframes: list[StoredKeyframe]) -> StepScore:
    """Compare true steps with pairs of neighbouring keyframes."""
    canvases = Rectified(truth, keyframes)
    shown, missed = 0, []
    before = canvases.at(0.0) if not truth.steps else _scaled(truth.blank_canvas, canvases.size)
    counted = 0
    for step in truth.steps:
        after = _scaled(truth.canvas_after(step), canvases.size)
        area = _differs(before, after)
        before = after
        if area.mean() < MIN_VISIBLE:
            continue
        counted += 1
        if _appears(step, area, canvases):
            shown += 1
        else:
            missed.append(f"{step.word} {step.start_s:.1f}-{step.end_s:.1f} s")
    empty = sum(
        _differs(canvases.at(a), canvases.at(b)).mean() < MIN_NEW_PAINT
        for a, b in itertools.pairwise(canvases.times_s)
    )
    return StepScore(counted, shown, len(keyframes) - 1, int(empty), tuple(missed))


def _appears(step: StepTruth, area: np.ndarray, canvases: Rectified) -> bool:
    """Whether at least `SHOWN_SHARE` of a step's visible paint, bool (h, w), appears between
    neighbouring keyframes whose times overlap the step."""
    appeared = np.zeros_like(area)
    frames = list(zip(canvases.times_s, canvases.images, strict=True))
    for (start_s, first), (end_s, second) in itertools.pairwise(frames):
        if end_s < step.start_s or start_s > step.end_s + LATE_S:
            continue
        appeared |= _differs(first.astype(np.float32), second.astype(np.float32))
    return float(appeared[area].mean()) >= SHOWN_SHARE


def _differs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where two pictures, float32 (h, w, 3), differ visibly: bool (h, w)."""
    blurred = [cv2.GaussianBlur(image, (0, 0), 1.0) for image in (first, second)]
    return np.abs(blurred[0] - blurred[1]).max(axis=2) > VISIBLE_DIFFERENCE


def _scaled(canvas: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32)
