"""Ingests the film of a combination and compares its keyframes with those of the plain film."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.ledger.outcome import StoredKeyframe, VideoOutcome
from ingest.settings import IngestConfig
from tests.ingest.per_source.combinations.film_combinations import FilmCombination, film_combination
from tests.ingest.per_source.combinations.film_formats import FilmFormat
from tests.ingest.per_source.combinations.film_pictures import shown_times_s
from tests.ingest.per_source.combinations.film_writing import write_film
from tests.ingest.per_source.combinations.findings import (
    Distance,
    Finding,
    differences,
    ingested,
    refused,
)
from tests.ingest.per_source.combinations.looks import FPS, SIZES, STEP_S
from tests.ingest.per_source.combinations.names import expected_reason, file_name

CONFIG = IngestConfig.model_validate(
    {
        "decode": {"min_frames": 42, "max_frames": 42},
        "align": {"side_px": 156},
        "occlusion": {"side_px": 64},
        "reveal": {"min_area": 1.0},
        "keyframes": {"side_px": 96, "target_count": 6, "format": "png"},
    }
)
"""Settings for small films, two seconds each. These are painted without going over anything twice,
so they would count as reveals."""
PLAIN = {False: FilmFormat("mkv", "ffv1", "bgr0"), True: FilmFormat("mkv", "ffv1", "gray")}
"""How the plain film is stored, losslessly; the grey one has no colours."""
TIME_TOLERANCE_S = 0.011
"""Times in GIF, and of frames in ticks of a container, are rounded to a hundredth."""
WARNINGS = {"absurd end": "odd times", "absurd start": "odd times"}
"""Warnings that a film's time stamps give."""


DISTANCES = {
    "all": Distance(0.5, 0.5),
    "yuv of 8 bit": Distance(1.0, 2.5),
    "deep": Distance(0.6, 0.6),
    "subsampled": Distance(1.5, 4.0),
    "lossy": Distance(1.0, 2.5),
    "palette": Distance(2.0, 1.0),
    "other light": Distance(1.0, 1.5),
    "anamorphic": Distance(2.0, 2.0),
    "veil": Distance(1.0, 1.0),
}
"""What each property of a film may add, in levels of 255, and why:

- all: rounding;
- yuv of 8 bit: there and back again, FFmpeg cuts values off twice instead of rounding them;
- deep: FFmpeg rounds values of more than 8 bit up by one at times;
- subsampled: colour is blurred across the borders of the blocks of paint;
- lossy: noise of the encoder, of which averages over several frames are left, and an outline of the
  canvas that lies a tenth of a pixel elsewhere;
- palette: 255 colours a frame;
- other light: 8 to 12 bit of a curve that is steeper than the display's;
- anamorphic: a quarter of the columns is not stored;
- veil: rounding errors of paint that is 40 % transparent.
"""


def allowed_distance(combination: FilmCombination) -> Distance:
    """How far keyframes may lie from those of the plain film: the sum of all that applies."""
    format = combination.format
    applies = {
        "all": True,
        "yuv of 8 bit": format.is_yuv and not format.is_deep,
        "deep": format.is_deep,
        "subsampled": format.is_subsampled,
        "lossy": not format.is_lossless,
        "palette": format.pixels == "pal8",
        "other light": combination.has_other_light,
        "anamorphic": combination.shape == "anamorphic",
        "veil": combination.alpha == "veil",
    }
    parts = [DISTANCES[name] for name, does_apply in applies.items() if does_apply]
    return Distance(sum(part.mean for part in parts), sum(part.bias for part in parts))


def check_film(combination: FilmCombination) -> Finding:
    """The verdict on a film."""
    with tempfile.TemporaryDirectory() as folder:
        name = file_name(combination.stem, combination.ending, combination.format.ending)
        path = Path(folder) / name
        write_film(combination, path)
        outcome, keyframes = ingested(path, CONFIG, Path(folder) / "dataset")
    problems = refused(outcome, expected_reason(combination.stem))
    if problems is not None:
        reason = "" if problems else outcome.reason
        return Finding(combination.index, combination.kinds, reason, problems=problems)
    assert isinstance(outcome, VideoOutcome), "it is kept"
    plain = plain_keyframes(combination)
    mean, bias, problems = differences(
        [keyframe.image() for keyframe in keyframes],
        [keyframe.image() for keyframe in plain],
        allowed_distance(combination),
    )
    problems += _wrong_times(combination, keyframes, plain)
    problems += _wrong_outcome(combination, outcome)
    return Finding(combination.index, combination.kinds, "", mean, bias, problems)


def plain_keyframes(combination: FilmCombination) -> list[StoredKeyframe]:
    """Keyframes of the same frames at the same times, stored plainly."""
    shape = "small" if combination.shape == "anamorphic" else combination.shape
    keeps_times = combination.times in ("dropped", "variable")
    return _keyframes(
        shape,
        combination.format.is_grey,
        combination.alpha == "hole",
        combination.times if keeps_times else "even",
        combination.index if keeps_times else 0,
    )


@functools.cache
def _keyframes(
    shape: str, is_grey: bool, has_hole: bool, times: str, index: int
) -> list[StoredKeyframe]:
    plain = replace(
        film_combination(0),
        index=index,
        format=PLAIN[is_grey],
        shape=shape,
        colour="untagged",
        is_full_range=True,
        orientation=1,
        alpha="none",
        times=times,
        has_white_hole=has_hole,
    )
    with tempfile.TemporaryDirectory() as folder:
        write_film(plain, Path(folder) / "plain.mkv")
        outcome, keyframes = ingested(Path(folder) / "plain.mkv", CONFIG, Path(folder) / "d")
    assert isinstance(outcome, VideoOutcome), outcome
    assert outcome.status == "kept", outcome
    return keyframes


def _wrong_times(
    combination: FilmCombination, keyframes: list[StoredKeyframe], plain: list[StoredKeyframe]
) -> list[str]:
    """Each keyframe has its frame's time, and shows the step that the plain film's one shows."""
    times_s, problems = shown_times_s(combination), list[str]()
    for stored in keyframes:
        record = stored.keyframe
        assert record.frame_index is not None, "a film has frames"
        due_s = times_s[record.frame_index]
        if abs(record.time_s - due_s) > TIME_TOLERANCE_S:
            problems.append(f"frame {record.frame_index} is at {record.time_s} s, not {due_s:.3f}")
    steps = [[int((k.keyframe.time_s + 0.5 / FPS) / STEP_S) for k in c] for c in (keyframes, plain)]
    if len(keyframes) == len(plain) and steps[0] != steps[1]:
        problems.append(f"keyframes of steps {steps[0]}, not {steps[1]}")
    return problems


def _wrong_outcome(combination: FilmCombination, outcome: VideoOutcome) -> list[str]:
    """Size, length and warnings are those of the film."""
    problems = list[str]()
    size = outcome.width_px, outcome.height_px
    if np.abs(np.subtract(size, SIZES[combination.shape])).max() > 1:
        problems.append(f"is {size} px, not {SIZES[combination.shape]}")
    length_s = shown_times_s(combination)[-1] + 1 / FPS
    if abs((outcome.duration_s or 0) - length_s) > 1.5 / FPS:
        problems.append(f"lasts {outcome.duration_s} s, not {length_s:.2f}")
    expected = {WARNINGS[combination.times]} if combination.times in WARNINGS else set()
    expected |= {"unknown colours"} if combination.colour == "unknown transfer" else set()
    told = {warning.split(":")[0] for warning in outcome.warnings}
    if told != expected:
        problems.append(f"warns {sorted(outcome.warnings)}, expected {sorted(expected)}")
    return problems
