"""The sampler benchmark runs, and its figures are correct for known canvases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.benchmark.sampler import (  # noqa: E402
    DDIM_50,
    PUBLISHED,
    Setting,
    held_out,
    render_all,
    row,
)
from ingest.format.dataset import Dataset  # noqa: E402
from labeling.regions.perceptual import PerceptualDistance  # noqa: E402
from training.painter.painter import load_painter  # noqa: E402


def test_distances_to_both_references_and_the_truth(
    painter_folder: Path, toy_dataset: Path
) -> None:
    painter = load_painter(painter_folder)
    cases = held_out(Dataset(toy_dataset), 2, 64)
    assert len(cases) == 2
    assert all(case.mask.shape == case.next.shape[:2] and case.mask.any() for case in cases)
    few: Setting = ("dpm_solver++", 2, 0)
    rendered = {
        setting: render_all(painter, cases, setting) for setting in (PUBLISHED, DDIM_50, few)
    }
    truth = [case.next for case in cases]
    rendered[few] = (truth, 0.5)
    lpips = PerceptualDistance("cpu")
    figures = row(PUBLISHED, rendered, cases, lpips)
    assert figures["lpips_to_published"] == 0
    assert figures["psnr_to_truth"] < 40
    figures = row(few, rendered, cases, lpips)
    assert (figures["lpips_to_truth"], figures["seconds"]) == (0, 0.5)
    worse = [np.where(c.mask[..., None], 255 - t, t) for c, t in zip(cases, truth, strict=True)]
    rendered[few] = (worse, 0.5)
    assert row(few, rendered, cases, lpips)["psnr_to_truth"] < 20
