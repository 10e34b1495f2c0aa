"""g_f, the canvas encoder: a feature map at latent size from the current canvas and region mask.

Nine convolutions (paper section 3.3; sizes from the published checkpoint). The output is added
once to the output of the UNet's conv_in.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn


class CanvasEncoder(ModelMixin, ConfigMixin):
    """Encodes images to the channels of the first UNet level at an eighth of their size.

    The last convolution starts at zero: an untrained encoder adds nothing to the UNet.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        channels: tuple[int, int, int, int, int] = (3, 16, 32, 64, 128),
        out_channels: int = 320,
    ) -> None:
        super().__init__()
        first, half, quarter, eighth, last = channels
        layers: list[nn.Module] = []
        for inputs, outputs, halves in (
            (in_channels, first, False),
            (first, half, True),
            (half, half, False),
            (half, quarter, True),
            (quarter, quarter, False),
            (quarter, eighth, True),
            (eighth, eighth, False),
            (eighth, last, False),
        ):
            size, stride = (4, 2) if halves else (3, 1)
            conv = nn.Conv2d(inputs, outputs, size, stride, padding=1)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # pyright: ignore[reportArgumentType]
            layers += [conv, nn.SiLU()]
        self.conv_layers = nn.Sequential(*layers)
        self.final_proj = nn.Conv2d(last, out_channels, 1)
        nn.init.zeros_(self.final_proj.weight)
        nn.init.zeros_(self.final_proj.bias)  # pyright: ignore[reportArgumentType]
        self.scale = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, images: Tensor) -> Tensor:
        """(R, in, H, W), RGB in [-1, 1] then mask 0/1, to (R, out, H / 8, W / 8)."""
        return self.final_proj(self.conv_layers(images)) * self.scale
