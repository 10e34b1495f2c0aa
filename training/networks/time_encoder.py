"""g_t, the time encoder: one token from the seconds until the next canvas (paper section 3.2)."""

from __future__ import annotations

from typing import Any, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

NUM_FREQUENCIES = 10
"""Number of frequencies of the sinusoidal encoding; the highest is 2^9 times the lowest."""


class TimeEncoder(ModelMixin, ConfigMixin):
    """Seconds, rounded to `step_s` and capped at `cap_s`, through sines and three layers.

    The sines are taken in float32 even when the weights are half: in half precision the
    highest frequencies are off by up to 0.77. `sines_in_weight_dtype` takes them in the weights'
    own precision all the same, as the authors' demo does.
    """

    sines_in_weight_dtype = False

    @register_to_config
    def __init__(
        self,
        hidden: tuple[int, int] = (256, 512),
        token_width: int = 768,
        step_s: float = 5.0,
        cap_s: float = 100.0,
    ) -> None:
        super().__init__()
        self.fc1 = nn.Linear(1 + 2 * NUM_FREQUENCIES, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], token_width)
        self.step_s, self.cap_s = step_s, cap_s

    def to(  # pyright: ignore[reportIncompatibleVariableOverride] (diffusers wraps its own)
        self, *args: Any, **kwargs: Any
    ) -> TimeEncoder:
        """As `nn.Module.to`, but the number format stays float32 unless `sines_in_weight_dtype`;
        so every way of moving a painter keeps it."""
        if not self.sines_in_weight_dtype:
            args = tuple(None if isinstance(arg, torch.dtype) else arg for arg in args)
            kwargs = {name: value for name, value in kwargs.items() if name != "dtype"}
        return cast(Any, super()).to(*args, **kwargs)

    def encoding(self, interval_s: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """x, then sin(pi x 2^k) and cos(pi x 2^k) for k = 0..9; (P,) to (P, 21) in `dtype`.

        x in [-1, 1] is the rounded, capped interval. `torch.round` takes halves to even, as the
        published code does.
        """
        # Apple's GPU has no float64.
        precise = torch.float32 if interval_s.device.type == "mps" else torch.float64
        rounded = self.step_s * torch.round(interval_s.to(precise) / self.step_s)
        # The order of the products matters: p rounded first, then x = 2p - 1, then (x pi) 2^k.
        p = (rounded / self.cap_s).clamp(0, 1).to(dtype)
        x = 2 * p - 1
        angles = [x * torch.pi * 2.0**k for k in range(NUM_FREQUENCIES)]
        waves = [wave for angle in angles for wave in (torch.sin(angle), torch.cos(angle))]
        return torch.stack([x, *waves], dim=-1)

    def forward(self, interval_s: Tensor) -> Tensor:
        """Seconds (P,) to (P, 1, token width)."""
        weights = self.fc1.weight.dtype
        sines = weights if self.sines_in_weight_dtype else torch.float32
        hidden = self.encoding(interval_s, sines).to(weights)
        hidden = torch.relu(self.fc2(torch.relu(self.fc1(hidden))))
        return self.fc3(hidden)[:, None]
