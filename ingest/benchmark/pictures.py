"""Scores keyframes against the true canvas at their times: PSNR, occluder residue, time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.ledger.outcome import StoredKeyframe
from ingest.studio.script.truth import Truth

RESIDUE_DIFFERENCE = 40
"""Difference (of 255) above which a pixel counts as occluder residue."""
SAME_TIME_TOLERANCE = 1.1
"""Squared error, as a multiple of the least, up to which a time fits as well as the best one."""
SEARCH_S = 8.0
"""Seconds before and after a keyframe's time in which better fitting times are searched."""


@dataclass(frozen=True)
class PictureScore:
    """One keyframe against the truth."""

    time_s: float
    psnr_db: float
    residue: float
    """Share of pixels that differ by more than `RESIDUE_DIFFERENCE` from all true pixels within one
    pixel: edges that lie half a pixel off are no residue."""
    raw_residue: float
    """The same, compared with the true pixel at the same place alone."""
    time_error_s: float
    """Distance to the nearest time whose true canvas fits as well as any; 0 if its own does."""


class Rectified:
    """True canvases at the size of the keyframes, and the gain between film and ground truth."""

    def __init__(self, truth: Truth, keyframes: list[StoredKeyframe]) -> None:
        self.truth = truth
        self.images = [stored.image() for stored in keyframes]
        self.times_s = [stored.keyframe.time_s for stored in keyframes]
        self._cache: dict[float, np.ndarray] = {}
        self.size = (self.images[0].shape[1], self.images[0].shape[0])
        self.gain = self._light()

    def at(self, time_s: float) -> np.ndarray:
        """The true canvas at a time, without the film's light: float32 (H, W, 3), 0 to 255."""
        key = round(time_s, 3)
        if key not in self._cache:
            if len(self._cache) > 200:
                self._cache.clear()
            canvas = self.truth.canvas_at(time_s)
            method = cv2.INTER_AREA if canvas.shape[1] > self.size[0] else cv2.INTER_LINEAR
            self._cache[key] = cv2.resize(canvas, self.size, interpolation=method)
        return self._cache[key].astype(np.float32)

    def _light(self) -> np.ndarray:
        """The gain (3,) from keyframes to true canvases, one per channel for the whole film.

        The camera's exposure is unknown, so a constant gain is no error; drift between keyframes
        is one.
        """
        ratios = []
        for image, time_s in zip(self.images, self.times_s, strict=True):
            true = self.at(time_s)[::4, ::4].reshape(-1, 3)
            seen = image[::4, ::4].reshape(-1, 3).astype(np.float32)
            usable = (true.min(axis=1) > 30) & (seen.max(axis=1) < 250)
            if usable.any():
                ratios.append(np.median(true[usable] / np.maximum(seen[usable], 1), axis=0))
        return np.median(np.array(ratios), axis=0).astype(np.float32)


def score_pictures(truth: Truth, keyframes: list[StoredKeyframe]) -> list[PictureScore]:
    """A score for every keyframe; times are those of the video."""
    canvases = Rectified(truth, keyframes)
    scores = []
    for image, time_s in zip(canvases.images, canvases.times_s, strict=True):
        seen = image.astype(np.float32) * canvases.gain
        true = canvases.at(time_s)
        error = float(((seen.clip(0, 255) - true) ** 2).mean())
        scores.append(
            PictureScore(
                time_s=time_s,
                psnr_db=10 * float(np.log10(255**2 / max(error, 1e-6))),
                residue=_residue(seen, true, reach_px=1),
                raw_residue=_residue(seen, true, reach_px=0),
                time_error_s=_time_error(seen, time_s, error, canvases),
            )
        )
    return scores


def _residue(seen: np.ndarray, true: np.ndarray, reach_px: int) -> float:
    """Share of pixels that differ from all true pixels within `reach_px`, 0 to 1."""
    low, high = true, true
    if reach_px:
        kernel = np.ones((2 * reach_px + 1,) * 2, np.uint8)
        low, high = cv2.erode(true, kernel), cv2.dilate(true, kernel)
    off = np.maximum(low - seen, seen - high).max(axis=2)
    return float((off > RESIDUE_DIFFERENCE).mean())


def _time_error(seen: np.ndarray, time_s: float, error: float, canvases: Rectified) -> float:
    """Seconds to the nearest time whose true canvas fits within `SAME_TIME_TOLERANCE` of the
    best."""
    step_s = canvases.truth.grid_s
    number = round(SEARCH_S / step_s)
    offsets = [k * step_s for k in range(-number, number + 1)]
    # A full search, since the error is flat in places; small copies make it cheap.
    small = cv2.resize(seen.clip(0, 255), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    errors = []
    for offset in offsets:
        true = cv2.resize(
            canvases.at(time_s + offset), small.shape[1::-1], interpolation=cv2.INTER_AREA
        )
        errors.append(float(((small - true) ** 2).mean()))
    best = min(errors)
    fitting = [
        abs(o) for o, e in zip(offsets, errors, strict=True) if e <= SAME_TIME_TOLERANCE * best
    ]
    return min(fitting)
