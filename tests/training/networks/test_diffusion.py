"""Noise schedule, noise and condition dropout."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch


def generators(count: int):
    import torch

    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_schedule_is_the_published_one() -> None:
    """Linear betas: the largest sigma is 25.146, timesteps are evenly spaced fractions."""
    from training.networks.diffusion import build_scheduler

    scheduler = build_scheduler("epsilon")
    scheduler.set_timesteps(25)
    assert float(scheduler.init_noise_sigma) == pytest.approx(25.146, abs=5e-3)
    expected = [999 * (1 - i / 24) for i in range(25)]
    assert scheduler.timesteps.tolist() == pytest.approx(expected, abs=1e-3)


def test_noise_keeps_variance_and_alpha_sigma_agree_with_the_sampler() -> None:
    import torch

    from training.networks.diffusion import add_noise, alpha_sigma, build_scheduler

    scheduler = build_scheduler("epsilon")
    steps = torch.tensor([0.0, 41.625, 999.0])
    alpha, sigma = alpha_sigma(scheduler, steps, torch.device("cpu"))
    assert torch.allclose(alpha**2 + sigma**2, torch.ones_like(alpha))
    scheduler.set_timesteps(25)
    ratio = (sigma / alpha).flatten().tolist()
    assert ratio[1] == pytest.approx(float(scheduler.sigmas[-3]), rel=1e-4)
    clean, noise = torch.randn(3, 2, 4, 4), torch.zeros(3, 2, 4, 4)
    assert torch.allclose(add_noise(scheduler, clean, noise, steps), alpha * clean)


def test_draws_belong_to_the_sample_and_not_to_the_batch() -> None:
    import torch

    from training.networks.diffusion import draw_noise

    together = draw_noise(generators(3), (2, 4, 4))
    alone = draw_noise(generators(3)[1:2], (2, 4, 4))
    assert torch.equal(together[1], alone[0])


def test_conditions_drop_independently_at_their_rate() -> None:
    import torch

    from training.networks.diffusion import draw_condition_flags

    keep = draw_condition_flags(generators(4000), 0.1, 0.0)
    flags = torch.stack([keep.image, keep.canvas, keep.time, keep.mask, keep.text])
    rates = 1 - flags.float().mean(dim=1)
    assert bool(((rates - 0.1).abs() < 0.025).all())
    both = float((~keep.text & ~keep.mask).float().mean())
    assert both == pytest.approx(0.01, abs=0.007)
    assert bool(keep.reference.all()), "the published training never drops the target"
