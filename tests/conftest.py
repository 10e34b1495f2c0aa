"""Fixtures of several packages' tests: toy landscapes as samples and as a dataset."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Ray's workers have the lowest priority by default; on a busy machine they would starve.
os.environ.setdefault("RAY_worker_niceness", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import cv2
import numpy as np
import pytest
from xdist.scheduler import LoadFileScheduling

from ingest.conventions import atomic
from ingest.format import tar
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.images import sha256
from ingest.format.schema import Provenance, Sample, canvas_ref, encode_sample

cv2.setNumThreads(1)

FIRST = ("ray", "tests/labeling/review/test_page.py", "tests/test_end_to_end.py")
"""Groups of tests that take the longest: they start first, so that all processes end together."""


@functools.cache
def group_of(file: str) -> str:
    """Tests of one group run in one process of pytest-xdist, one after the other.

    The tests of a file are a group: they share films and datasets. All files that start Ray are
    one: two clusters at a time are too much for a small machine.
    """
    return "ray" if "mark.ray" in (ROOT / file).read_text(encoding="utf-8") else file


class GroupScheduling(LoadFileScheduling):
    """Gives whole groups to processes. `--dist loadgroup` has no effect with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.split("::", 1)[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest groups first."""
    order = {name: number for number, name in enumerate(FIRST)}
    groups = {item: group_of(item.nodeid.split("::", 1)[0]) for item in items}
    items.sort(key=lambda item: order.get(groups[item], len(FIRST)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `gpu` where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA GPU, torch finds none")


ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "real"
"""Real footage beside the checkout."""
WORDS = ("sky", "mountain", "ground", "tree")


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder of real footage; tests are skipped without it."""
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    return REAL


def toy_canvases(seed: int, size: tuple[int, int]) -> list[np.ndarray]:
    """White canvas, then sky, mountain, ground and tree painted one after another.

    Returns five RGB uint8 images (H, W, 3) of `size` (H, W).
    """
    rng = np.random.default_rng(seed)
    height, width = size
    horizon = int(height * rng.uniform(0.45, 0.65))
    canvas = np.full((height, width, 3), 255, np.uint8)
    states = [canvas.copy()]
    light = np.linspace(0.7, 1.1, horizon)[:, None, None]
    blue = np.array([90, 150, 215]) + rng.integers(-30, 30, 3)
    canvas[:horizon] = np.clip(blue * light + rng.normal(0, 6, (horizon, width, 1)), 0, 255)
    states.append(canvas.copy())
    peak = (int(width * rng.uniform(0.3, 0.7)), int(horizon * rng.uniform(0.2, 0.5)))
    corners = np.array([[0, horizon], peak, [width, horizon]], np.int32)
    cv2.fillPoly(canvas, [corners], [int(c) for c in (105, 100, 115) + rng.integers(-20, 20, 3)])
    states.append(canvas.copy())
    green = np.array([95, 135, 70]) + rng.integers(-25, 25, 3)
    noise = rng.normal(0, 10, (height - horizon, width, 1))
    canvas[horizon:] = np.clip(green + noise, 0, 255)
    states.append(canvas.copy())
    for _ in range(3):
        center = (int(rng.uniform(0, width)), int(horizon + height * rng.uniform(-0.05, 0.1)))
        cv2.circle(canvas, center, max(4, height // 10), (40, int(rng.uniform(70, 100)), 45), -1)
    states.append(canvas.copy())
    return states


def toy_samples(seed: int, size: tuple[int, int] = (96, 128)) -> list[Sample]:
    """The four steps of one toy painting as samples, 20 s apart."""
    states = toy_canvases(seed, size)
    video_id, target = f"{seed:016x}", states[-1]
    samples = []
    for index, word in enumerate(WORDS):
        current, following = states[index], states[index + 1]
        references = {
            name: canvas_ref(image.tobytes(), time_s=20.0 * at, keyframe=at)
            for name, image, at in (
                ("current", current, index),
                ("next", following, index + 1),
                ("target", target, len(WORDS)),
            )
        }
        provenance = Provenance(
            video_id=video_id, painting_id=video_id, uri=f"toy-{seed}.mp4", licence="CC0-1.0",
            source="toy", labeler="studio", machine_instruction=word, confidence=1.0,
            region_rule="difference>24", ingest_version="0", config_hash="0" * 12, **references,
        )  # fmt: skip
        samples.append(
            Sample(
                key=f"{video_id}-k{index:04d}-k{index + 1:04d}-k{len(WORDS):04d}",
                current=current,
                next=following,
                target=target,
                interval_s=20.0,
                instruction=word,
                mask=_changed(current, following),
                difference=_changed(current, target),
                provenance=provenance,
            )
        )
    return samples


@pytest.fixture(scope="session")
def toy_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder with shards of 6 train and 2 val toy paintings, 96 x 128 px."""
    return write_toy_dataset(tmp_path_factory.mktemp("toy") / "dataset")


@pytest.fixture(scope="session")
def make_toy_dataset() -> Callable[..., Path]:
    """`write_toy_dataset` for tests that need other numbers or sizes."""
    return write_toy_dataset


@pytest.fixture(scope="session")
def make_toy_samples() -> Callable[..., list[Sample]]:
    """`toy_samples` for tests that need samples in memory."""
    return toy_samples


def write_toy_dataset(
    root: Path, num_train: int = 6, num_val: int = 2, size: tuple[int, int] = (96, 128)
) -> Path:
    """Write shards and index.json of toy paintings, as `python -m labeling shards` would."""
    shards = []
    for split, seeds in (
        ("train", range(num_train)),
        ("val", range(1000, 1000 + num_val)),
    ):
        for number, group in enumerate(_in_groups(list(seeds), 3)):
            path = root / "shards" / f"{split}-{number:06d}.tar"
            samples = [s for seed in group for s in toy_samples(seed, size)]
            tar.write_tar(path, ((s.key, encode_sample(s, "jpg")) for s in samples))
            data = path.read_bytes()
            shards.append(
                {
                    "name": path.name,
                    "split": split,
                    "num_samples": len(samples),
                    "num_bytes": len(data),
                    "sha256": sha256(data),
                }
            )
    index = {"schema_version": SCHEMA_VERSION, "config_hash": "0" * 12, "shards": shards}
    atomic.write_json(root / "shards" / "index.json", index)
    return root


def _changed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.abs(first.astype(int) - second).max(axis=2) > 24


def _in_groups(items: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
