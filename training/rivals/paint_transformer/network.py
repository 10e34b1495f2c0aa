"""The network of Paint Transformer: eight strokes from a patch of the picture and of the canvas."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PATCH_PX = 32
"""Side of a patch."""
NUM_STROKES = 8
"""Strokes that the network gives a patch."""
NUM_SHAPE = 5
"""Numbers of a stroke's shape: x, y, width, height in patch sides, angle in half turns."""
_WIDTH, _HEADS, _DEPTH = 256, 8, 3
_CELLS = PATCH_PX // 4
_SPREAD = 0.02


class StrokeNetwork(nn.Module):
    """Predicts strokes. Modules are called as in the published file, whose tensors fit as they
    are."""

    def __init__(self) -> None:
        super().__init__()
        self.enc_img = _encoder()
        self.enc_canvas = _encoder()
        self.conv = nn.Conv2d(_WIDTH, _WIDTH, 1)
        # Written out, since torch's own encoder warns that it cannot skip padding, which none has.
        encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(_WIDTH, _HEADS), _DEPTH, nn.LayerNorm(_WIDTH),
            enable_nested_tensor=False,
        )  # fmt: skip
        self.transformer = nn.Transformer(
            _WIDTH, _HEADS, num_decoder_layers=_DEPTH, custom_encoder=encoder
        )
        self.linear_param = nn.Sequential(
            nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(),
            nn.Linear(_WIDTH, NUM_SHAPE),
        )  # fmt: skip
        self.linear_decider = nn.Linear(_WIDTH, 1)
        self.query_pos = nn.Parameter(torch.rand(NUM_STROKES, _WIDTH))
        self.row_embed = nn.Parameter(torch.rand(_CELLS, _WIDTH // 2))
        self.col_embed = nn.Parameter(torch.rand(_CELLS, _WIDTH // 2))

    def forward(self, picture: Tensor, canvas: Tensor) -> tuple[Tensor, Tensor]:
        """Strokes that bring a canvas nearer to a picture.

        Args:
            picture: float (N, 3, 32, 32) in [0, 1], RGB.
            canvas: likewise.

        Returns:
            Shapes, float (N, 8, 5), not limited to [0, 1], and decisions, float (N, 8): the logit
            of the probability that a stroke is drawn.
        """
        features = torch.cat([self.enc_img(picture), self.enc_canvas(canvas)], dim=1)
        tokens = self.conv(features).flatten(2).permute(2, 0, 1)
        columns = self.col_embed.expand(_CELLS, -1, -1)
        rows = self.row_embed[:, None].expand(-1, _CELLS, -1)
        places = torch.cat([columns, rows], dim=-1).flatten(0, 1)[:, None]
        queries = self.query_pos[:, None].expand(-1, len(picture), -1)
        strokes = self.transformer(tokens + places, queries).transpose(0, 1)
        return self.linear_param(strokes), self.linear_decider(strokes)[..., 0]


def _encoder() -> nn.Sequential:
    """Features, (N, 128, 8, 8), of patches (N, 3, 32, 32)."""
    layers: list[nn.Module] = []
    for given, wanted, stride in ((3, 32, 1), (32, 64, 2), (64, 128, 2)):
        layers += [
            nn.ReflectionPad2d(1), nn.Conv2d(given, wanted, 3, stride),
            nn.BatchNorm2d(wanted), nn.ReLU(),
        ]  # fmt: skip
    return nn.Sequential(*layers)


def set_first_weights(network: StrokeNetwork) -> None:
    """Draw the weights that a training starts from; torch's own stay where the recipe sets none."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0, _SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, _SPREAD)
            nn.init.zeros_(module.bias)
