"""Samplers with a denoiser that knows the clean latents; no training needed."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.sampling import Sampler, sample_latents, sampler_named  # noqa: E402
from training.networks.diffusion import alpha_sigma  # noqa: E402

SHAPE = (1, 4, 6, 8)


def scheduler() -> Any:
    from diffusers import EulerAncestralDiscreteScheduler

    return EulerAncestralDiscreteScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="linear"
    )


def ideal(clean: torch.Tensor, schedule: Any) -> Any:
    """Says exactly the noise that lies between its input and `clean`."""

    def predict(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        index = (schedule.timesteps == timestep).nonzero()[0].item()
        sigma = schedule.sigmas[index]
        return (latents * (sigma**2 + 1) ** 0.5 - clean) / sigma

    return predict


def sample(seed: int = 0, num_steps: int = 25, **blend: Any) -> torch.Tensor:
    schedule = scheduler()
    clean = torch.linspace(-1, 1, 4 * 6 * 8).reshape(SHAPE)
    generators = [torch.Generator().manual_seed(seed)]
    device = torch.device("cpu")
    predict = ideal(clean, schedule)
    return sample_latents(predict, schedule, num_steps, SHAPE, generators, device, **blend)


def test_ideal_denoiser_gives_the_clean_latents() -> None:
    clean = torch.linspace(-1, 1, 4 * 6 * 8).reshape(SHAPE)
    assert torch.allclose(sample(), clean, atol=1e-4)
    assert torch.allclose(sample(num_steps=1), clean, atol=1e-4)


def test_blending_every_step_leaves_the_outside_as_the_canvas() -> None:
    inside = torch.zeros(1, 1, 6, 8)
    inside[..., :3] = 1
    canvas = torch.full(SHAPE, 0.3)
    latents = sample(canvas_latents=canvas, inside=inside, num_blended=[25])
    assert torch.allclose(latents[..., 3:], canvas[..., 3:], atol=1e-5)
    clean = torch.linspace(-1, 1, 4 * 6 * 8).reshape(SHAPE)
    assert torch.allclose(latents[..., :3], clean[..., :3], atol=1e-4)


def test_blending_only_at_first_leaves_the_end_to_the_network() -> None:
    blend = {"canvas_latents": torch.full(SHAPE, 0.3), "inside": torch.zeros(1, 1, 6, 8)}
    assert torch.allclose(sample(num_blended=[5], **blend), sample(), atol=1e-4)


def test_noise_comes_from_the_seed() -> None:
    def halfway(seed: int) -> torch.Tensor:
        schedule, generators = scheduler(), [torch.Generator().manual_seed(seed)]
        device = torch.device("cpu")
        return sample_latents(lambda x, t: x * 0.1, schedule, 4, SHAPE, generators, device)

    assert torch.equal(halfway(3), halfway(3))
    assert not torch.equal(halfway(3), halfway(4))


SAMPLERS: list[Sampler] = ["painter", "euler_ancestral", "ddim", "dpm_solver++"]


def by(name: Sampler, seeds: list[int], num_steps: int, **blend: Any) -> torch.Tensor:
    """What a sampler makes of a network that always sees through the noise."""
    own = scheduler()
    clean = torch.linspace(-1, 1, 4 * 6 * 8).reshape(SHAPE)

    def predict(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        alpha, sigma = alpha_sigma(own, timestep, latents.device)
        return (latents - alpha * clean) / sigma

    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    shape, device = (len(seeds), *SHAPE[1:]), torch.device("cpu")
    chosen = sampler_named(name, own)
    return sample_latents(predict, chosen, num_steps, shape, generators, device, **blend)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_finds_the_clean_latents_and_keeps_the_outside(name: Sampler) -> None:
    clean = torch.linspace(-1, 1, 4 * 6 * 8).reshape(SHAPE)
    assert torch.allclose(by(name, [0], 8), clean, atol=5e-3)
    inside = torch.zeros(1, 1, 6, 8)
    inside[..., :3] = 1
    canvas = torch.full(SHAPE, 0.3)
    latents = by(name, [0], 8, canvas_latents=canvas, inside=inside, num_blended=[8])
    assert torch.allclose(latents[..., 3:], canvas[..., 3:], atol=1e-5)
    assert torch.allclose(latents[..., :3], clean[..., :3], atol=5e-3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_paintings_of_a_batch_do_not_know_each_other(name: Sampler) -> None:
    """One blends for two steps, the other not at all; seeds differ."""

    def halfway(seeds: list[int], num_blended: list[int]) -> torch.Tensor:
        inside = torch.zeros(len(seeds), 1, 6, 8)
        canvas = torch.full((len(seeds), *SHAPE[1:]), 0.3)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return sample_latents(
            lambda x, t: x * 0.1, sampler_named(name, scheduler()), 4, tuple(canvas.shape),
            generators, torch.device("cpu"), canvas, inside, num_blended,
        )  # fmt: skip

    together = halfway([3, 4], [2, 0])
    assert torch.allclose(together[:1], halfway([3], [2]), atol=1e-6)
    assert torch.allclose(together[1:], halfway([4], [0]), atol=1e-6)
    assert not torch.allclose(together[:1], together[1:], atol=1e-2)
