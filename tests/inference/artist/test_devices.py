"""Samplers keep to one device: on `meta`, a tensor that is made on the CPU is found."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.sampling import sample_latents, sampler_named  # noqa: E402
from tests.training.one_device import OneDevice  # noqa: E402
from training.networks.diffusion import build_scheduler  # noqa: E402

SHAPE = (2, 4, 6, 8)


@pytest.fixture(params=["euler_ancestral", "ddim", "dpm_solver++"])
def scheduler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = sampler_named(request.param, build_scheduler("epsilon"))
    # diffusers reads the schedule back from the device, and `meta` has no values. On the CPU it is
    # single numbers, which may be there.
    spaced = made.set_timesteps
    monkeypatch.setattr(made, "set_timesteps", lambda count, device: spaced(count))
    monkeypatch.setattr(made, "index_for_timestep", lambda *_: 0, raising=False)
    return made


def test_a_sampler_keeps_to_one_device(scheduler: Any) -> None:
    """Also with the canvas blended in outside the region."""
    meta = torch.device("meta")
    canvas, inside = torch.zeros(SHAPE, device=meta), torch.zeros(2, 1, 6, 8, device=meta)
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    with OneDevice(), torch.no_grad():
        latents = sample_latents(
            lambda latents, timestep: latents, scheduler, 3, SHAPE, generators, meta,
            canvas, inside, [2, 1],
        )  # fmt: skip
    assert latents.device.type == "meta"
