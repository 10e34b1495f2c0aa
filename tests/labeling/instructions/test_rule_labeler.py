"""The built-in labeler is right on clear cases and has low confidence on unclear ones."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.format.vocabulary import VOCABULARY
from labeling.instructions.labeler import PairImages
from labeling.instructions.rule_labeler import (
    MEASURES,
    RuleLabeler,
    measure_region,
    read_prototypes,
)

SIZE = (192, 256)


def canvas(colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    return np.full((*SIZE, 3), colour, np.uint8)


def pair(before: np.ndarray, after: np.ndarray) -> PairImages:
    return PairImages(before, after, after, (before != after).any(axis=2))


def painted(
    before: np.ndarray, box: tuple[slice, slice], colour: tuple[int, int, int]
) -> PairImages:
    after = before.copy()
    noise = np.random.default_rng(0).normal(0, 4, (*after[box].shape[:2], 1))
    after[box] = np.clip(np.array(colour) + noise, 0, 255)
    return pair(before, after)


def test_prototypes_are_complete() -> None:
    prototypes = read_prototypes()
    assert {p.word for p in prototypes} <= set(VOCABULARY)
    assert len({p.word for p in prototypes}) >= 20
    assert sum(p.frequency for p in prototypes) == pytest.approx(1, abs=0.01)
    for prototype in prototypes:
        assert prototype.median.shape == prototype.deviation.shape == (len(MEASURES),)
        assert (prototype.deviation > 0).all()


@pytest.mark.parametrize(
    ("box", "colour", "word"),
    [
        ((slice(0, 110), slice(None)), (120, 170, 225), "sky"),
        ((slice(115, 192), slice(None)), (120, 110, 60), "ground"),
    ],
)
def test_clear_cases(box: tuple[slice, slice], colour: tuple[int, int, int], word: str) -> None:
    measures = measure_region(painted(canvas((235, 230, 220)), box, colour))
    assert measures is not None
    found, share, _ = RuleLabeler().likeliest(measures)
    assert found == word
    assert share > 0.5


def test_no_change_gives_details_with_low_confidence() -> None:
    (answer,) = RuleLabeler()([pair(canvas(), canvas())])
    assert answer.text == "details"
    assert answer.confidence <= 0.3


def test_changed_illumination_is_not_measured() -> None:
    before = canvas((180, 180, 180))
    after = np.clip(before.astype(int) + 12, 0, 255).astype(np.uint8)
    after[20:60, 30:90] = (40, 70, 160)
    mask = np.zeros(SIZE, bool)
    mask[:100, :150] = True
    measures = measure_region(PairImages(before, after, after, mask))
    assert measures is not None
    assert measures["area"] == pytest.approx(40 * 60 / (192 * 256), rel=0.1)
    assert measures["center"] == pytest.approx(40 / 192, abs=0.01)
    assert measures["scattered"] == 0
    assert measures["yellow"] < -0.3


def test_measures_do_not_depend_on_resolution() -> None:
    small = painted(canvas(), (slice(96, 192), slice(0, 128)), (60, 120, 60))
    grown = [np.kron(image, np.ones((2, 2, 1), np.uint8)) for image in (small.current, small.next)]
    first = measure_region(small)
    second = measure_region(pair(*grown))
    assert first is not None
    assert second is not None
    for name in MEASURES:
        assert second[name] == pytest.approx(first[name], abs=0.03), name


def test_answers_do_not_depend_on_the_batch() -> None:
    pairs = [
        painted(canvas(), (slice(0, 40 + 9 * i), slice(0, 256)), (30 * i, 90, 200))
        for i in range(5)
    ]
    labeler = RuleLabeler()
    assert labeler(pairs) == [labeler([p])[0] for p in pairs]
