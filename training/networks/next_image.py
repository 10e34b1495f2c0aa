"""g_c, the next-image adapter: one token that describes the next canvas, from the CLIP vectors of
canvas and target (paper section 3.3)."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn


class NextImageAdapter(ModelMixin, ConfigMixin):
    """Three layers, as in the published checkpoint (1536-1024-512-768)."""

    @register_to_config
    def __init__(
        self, image_width: int = 768, hidden: tuple[int, int] = (1024, 512), token_width: int = 768
    ) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * image_width, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], token_width)

    def forward(self, pooled: Tensor) -> Tensor:
        """[canvas; target] (P, 2 * image width) to (P, 1, token width)."""
        hidden = torch.relu(self.fc2(torch.relu(self.fc1(pooled))))
        return self.fc3(hidden)[:, None]
