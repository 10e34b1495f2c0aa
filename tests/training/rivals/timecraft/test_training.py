"""Timecraft's training: examples, determinism, going on, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from ingest.conventions.errors import UserError  # noqa: E402
from tests.conftest import toy_canvases, toy_samples  # noqa: E402
from training.rivals.folder import read_rival  # noqa: E402
from training.rivals.timecraft.losses import spread  # noqa: E402
from training.rivals.timecraft.processes import (  # noqa: E402
    CropExamples,
    SeenProcess,
    collect_seen,
    painted_pixels,
)
from training.rivals.timecraft.train import train_timecraft  # noqa: E402
from training.rivals.timecraft.trainer import TimecraftTrainer, TimecraftTraining  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = TimecraftTraining(rate=1e-3, batch=2, row_batch=1, rollout_steps=2, sampling_from=0)


@pytest.fixture(scope="module")
def examples() -> CropExamples:
    canvases = [toy_canvases(seed, (126, 168)) for seed in range(2)]
    return CropExamples([SeenProcess(tuple(row), row[-1]) for row in canvases])


def weights(trainer: TimecraftTrainer) -> list[np.ndarray]:
    modules = (trainer.network, trainer.encoder, trainer.critic)
    return [p.detach().numpy().copy() for module in modules for p in module.parameters()]


def test_shuffled_samples_become_processes_in_order_of_time() -> None:
    samples = [*toy_samples(1), *toy_samples(0)]
    processes = collect_seen(reversed(samples))
    assert len(processes) == 2
    first = processes[0]
    assert len(first.frames) == 5
    assert first.frames[0].min() == 255
    assert np.array_equal(first.frames[-1], first.finished)
    assert min(first.finished.shape[:2]) == 126


def test_grain_is_not_painted_and_a_patch_is() -> None:
    before = np.full((60, 60, 3), 200, np.uint8)
    after = before.copy()
    after[10:20, 10:20] = 90
    after[40, 40] = 0
    painted = painted_pixels(before, after)
    assert painted[12:18, 12:18].all()
    assert not painted[35:45, 35:45].any()


def test_every_drawn_crop_is_painted_in(examples: CropExamples) -> None:
    finished, canvases = examples.draw(np.random.default_rng(0), 8)
    assert finished.shape == (8, 3, 50, 50)
    assert canvases.shape == (2, 8, 3, 50, 50)
    assert float(finished.abs().max()) <= 1
    assert ((canvases[1] - canvases[0]).abs().amax(dim=(1, 2, 3)) > 0).all()


def test_latents_of_the_standard_normal_have_no_spread() -> None:
    of_mean, of_variance = spread(torch.zeros(2, 5), torch.zeros(2, 5))
    assert float(of_mean.abs().max()) == 0
    assert float(of_variance.abs().max()) < 1e-6


def test_a_pair_is_learned(examples: CropExamples) -> None:
    one = CropExamples(examples.processes)
    one.places = one.places[:1]
    trainer = TimecraftTrainer(one, SMALL)
    losses = [trainer.pair_step() for _ in range(10)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("penalty", ["gradient", "scores"])
def test_a_run_that_goes_on_ends_with_the_same_weights(
    penalty: str, examples: CropExamples, tmp_path: Path
) -> None:
    settings = SMALL.model_copy(update={"penalty": penalty})
    whole, begun = (TimecraftTrainer(examples, settings) for _ in range(2))
    for trainer, count in ((whole, 3), (begun, 2)):
        trainer.pair_step()
        for _ in range(count):
            trainer.row_step()
    begun.save(tmp_path, {"a": 1})
    again = TimecraftTrainer(examples, settings)
    assert again.resume(tmp_path, {"a": 1})
    again.row_step()
    assert all(map(np.array_equal, weights(whole), weights(again)))
    with pytest.raises(UserError, match="other values of a"):
        again.resume(tmp_path, {"a": 2})


def test_the_critic_learns_in_odd_steps_only(examples: CropExamples) -> None:
    trainer = TimecraftTrainer(examples, SMALL)
    before = trainer.critic.last.weight.detach().clone()
    trainer.row_step()
    assert torch.equal(before, trainer.critic.last.weight)
    trainer.row_step()
    assert not torch.equal(before, trainer.critic.last.weight)


def test_a_dataset_is_trained_on_to_a_folder_that_paints(toy_dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "timecraft"
    train_timecraft(toy_dataset, out, 1, 0, SMALL)
    train_timecraft(toy_dataset, out, 1, 2, SMALL)
    record = read_rival(out)
    assert record.kind == "timecraft"
    assert (record.provenance["pair_steps"], record.provenance["row_steps"]) == (1, 2)
    with pytest.raises(UserError, match="got 2 steps by pairs, 1 are done"):
        train_timecraft(toy_dataset, out, 2, 2, SMALL)
