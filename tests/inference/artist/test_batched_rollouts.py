"""`BatchedRollouts`: paintings in one batch are equal to paintings alone, up to rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.batched_artists import BatchedArtists  # noqa: E402
from inference.artist.batched_rollouts import BatchedRollouts  # noqa: E402
from inference.artist.sampling import SamplingConfig  # noqa: E402
from inference.memory.out_of_memory import OutOfMemory  # noqa: E402
from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.rollout.region import RegionConfig  # noqa: E402
from inference.rollout.rollout import Rollout  # noqa: E402
from inference.rollout.steps import RolloutConfig, Step  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.painter.painter import Painter  # noqa: E402

SCALES = {"image": 2.0, "canvas": 1.0, "time": 5.0, "mask": 5.0, "text": 5.0}


def picture(seed: int, size: tuple[int, int] = (64, 80)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)


def config(seed: int = 0, max_steps: int = 3, **sampling: object) -> InferenceConfig:
    return InferenceConfig(
        stop=StopConfig(max_steps=max_steps),
        rollout=RolloutConfig(seed=seed),
        sampling=SamplingConfig.model_validate(sampling),
    )


@pytest.fixture(scope="module")
def pipeline(painter_folder: Path) -> InversePaintingPipeline:
    return InversePaintingPipeline.from_pretrained(painter_folder)


def assert_same(one: Step, other: Step) -> None:
    assert one.instruction.text == other.instruction.text
    # A probability at a threshold may round to its other side.
    assert (one.region.mask != other.region.mask).mean() < 0.01
    assert np.abs(one.next.astype(int) - other.next).max() <= 2
    assert one.distance == pytest.approx(other.distance, abs=1e-3)


@pytest.mark.parametrize("guidance", [{}, SCALES])
def test_pictures_and_seeds_in_one_batch(
    pipeline: InversePaintingPipeline, guidance: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    # `pipeline.painter` makes a new painter at each access, and a batch has one.
    painter, seen = pipeline.painter, list[int]()
    monkeypatch.setattr(InversePaintingPipeline, "painter", painter)
    wanted = [
        (picture(0), 0, 2),
        (picture(1), 7, 1),
        (picture(0), 5, 2),
        (picture(2, (80, 64)), 0, 2),
    ]
    configs = [config(seed, steps, guidance=guidance) for _, seed, steps in wanted]
    alone = [
        list(pipeline.paint(image, c)) for (image, _, _), c in zip(wanted, configs, strict=True)
    ]
    rollouts = [pipeline.paint(image, c) for (image, _, _), c in zip(wanted, configs, strict=True)]
    predict = painter.predict

    def counted(latents: Any, *given: Any) -> Any:
        seen.append(len(latents))
        return predict(latents, *given)

    monkeypatch.setattr(painter, "predict", counted)
    rounds = list(BatchedRollouts(rollouts))
    assert [[step is not None for step in steps] for steps in rounds] == [
        [True] * 4,
        [True] * 4,
        [True, False, True, True],
    ], "one or two painted steps, and the finishing step"
    assert set(seen[:4]) == {3, 1}, "three of one size paint in one batch"
    for n, rollout in enumerate(rollouts):
        assert [steps[n] for steps in rounds if steps[n] is not None] == rollout.steps
        for one, other in zip(rollout.steps, alone[n], strict=True):
            assert_same(one, other)
    # Seeds decide, not places: the same picture twice is painted in two ways.
    assert not np.array_equal(rollouts[0].steps[0].next, rollouts[2].steps[0].next)


def test_a_painting_of_a_batch_can_be_steered(pipeline: InversePaintingPipeline) -> None:
    mask = np.zeros((64, 80), bool)
    mask[:20] = True
    alone = pipeline.paint(picture(0), config())
    next(alone)
    alone.steer(instruction="house", mask=mask)
    next(alone)
    together = BatchedRollouts([pipeline.paint(picture(n), config()) for n in (1, 0)])
    next(together)
    together.rollouts[1].steer(instruction="house", mask=mask)
    steered = next(together)[1]
    assert steered is not None
    assert steered.instruction.text == "house"
    assert_same(steered, alone.steps[1])


def test_any_artist_may_take_part(
    pipeline: InversePaintingPipeline, artist: object, metric: object, target: np.ndarray
) -> None:
    bands = Rollout(target, artist, metric, 20.0, RegionConfig(), StopConfig(arrived=0.01))  # pyright: ignore
    rounds = list(BatchedRollouts([bands, pipeline.paint(picture(0), config(max_steps=1))]))
    assert np.array_equal(bands.canvas, target)
    assert rounds[0][1] is not None


def test_a_batch_of_different_sizes_is_refused(pipeline: InversePaintingPipeline) -> None:
    sizes = ((64, 80), (80, 64))
    artists: list[Any] = [pipeline.paint(picture(0, size), config()).artist for size in sizes]
    with pytest.raises(ValueError, match="of 2 painters, sizes"):
        BatchedArtists([artist.state for artist in artists])


def test_the_pipeline_paints_seeds_of_one_picture(pipeline: InversePaintingPipeline) -> None:
    together = pipeline.paint_together([picture(0)] * 2, config(max_steps=1), seeds=[3, 4])
    steps = next(together)
    for step, seed in zip(steps, (3, 4), strict=True):
        assert step is not None
        assert_same(step, next(pipeline.paint(picture(0), config(seed, 1))))
    with pytest.raises(UserError, match="2 pictures and 1 seeds"):
        pipeline.paint_together([picture(0)] * 2, seeds=[3])


def test_a_batch_without_memory_left_says_what_it_did(
    pipeline: InversePaintingPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*given: object) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    together = pipeline.paint_together([picture(0)] * 2, config(max_steps=1), seeds=[3, 4])
    monkeypatch.setattr(Painter, "predict", exhausted)
    with pytest.raises(OutOfMemory, match="rendering canvas 1 of 2 paintings in a batch"):
        next(together)
