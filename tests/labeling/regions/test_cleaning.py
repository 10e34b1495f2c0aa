"""The optional clean-up drops small components and compensates illumination."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ingest.format.dataset import Dataset
from labeling.pairs import read_pairs
from labeling.regions.cleaning import drop_small, match_illumination
from labeling.regions.regions import RegionsConfig, compute_regions


def test_drop_small_keeps_large_components() -> None:
    mask = np.zeros((40, 50), bool)
    mask[2:4, 2:4] = True
    mask[10:30, 10:40] = True
    kept = drop_small(mask, 0.01)
    assert not kept[2:4, 2:4].any()
    assert kept.sum() == 600


def test_drop_small_without_a_bound_returns_the_mask() -> None:
    mask = np.zeros((4, 4), bool)
    assert drop_small(mask, 0.0) is mask


def test_drop_small_of_an_empty_and_of_a_full_mask() -> None:
    assert not drop_small(np.zeros((4, 4), bool), 0.5).any()
    assert drop_small(np.ones((4, 4), bool), 0.5).all()


def test_illumination_is_matched_on_unchanged_pixels() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(60, 200, (60, 80, 3)).astype(np.uint8)
    after = np.rint(before * np.array([0.9, 0.95, 1.1])).astype(np.uint8)
    after[:40] = (20, 30, 180)
    changed = np.zeros((60, 80), bool)
    changed[:40] = True
    relit = match_illumination(before, after, changed)
    assert np.abs(relit[40:].astype(int) - after[40:]).max() <= 1


def test_illumination_is_kept_without_unchanged_pixels() -> None:
    image = np.full((60, 80, 3), 128, np.uint8)
    assert match_illumination(image, image // 2, np.ones((60, 80), bool)) is image


def test_matched_illumination_marks_less(
    keyframe_dataset: Callable[..., Dataset], colour_distance
) -> None:
    _, pairs = read_pairs(keyframe_dataset(1, 0), f"{0:016x}")
    default = list(compute_regions(pairs, RegionsConfig(threshold=0.02), colour_distance))
    config = RegionsConfig(threshold=0.02, level_light=True, min_area=0.01)
    cleaned = list(compute_regions(pairs, config, colour_distance))
    assert cleaned[0].record.rule == "lpips-alex>0.02+light+area>0.01"
    assert default[0].record.rule == "lpips-alex>0.02"
    for one, other in zip(default, cleaned, strict=True):
        assert other.record.mask_area <= one.record.mask_area + 1e-6


@pytest.mark.torch
def test_lpips_with_matched_illumination_ignores_a_darker_image(
    keyframe_dataset: Callable[..., Dataset],
) -> None:
    """LPIPS alone marks the same canvas under less light."""
    from ingest.format.images import encode_image, sha256
    from labeling.pairs import Canvas
    from labeling.regions.perceptual import PerceptualDistance

    _, pairs = read_pairs(keyframe_dataset(1, 0, size=(256, 320)), f"{0:016x}")
    pair = pairs[-1]
    darker = encode_image((pair.current.image() * 0.7).astype(np.uint8), "png")
    reference = pair.next.reference.model_copy(update={"sha256": sha256(darker)})
    drifted = type(pair)(
        pair.video_id, pair.current, Canvas(reference, "png", darker), pair.target, 20.0
    )
    distance = PerceptualDistance()
    areas = [
        next(
            compute_regions([drifted], RegionsConfig(level_light=matched, threshold=0.02), distance)
        ).record.mask_area
        for matched in (False, True)
    ]
    assert areas[0] > 0.02
    assert areas[1] < areas[0] / 4
