"""The frozen backbone: tokens of a picture, and where its subject is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from training.backbone.tensors import read_tensors, weights_path

PATCH_PX = 14
"""Side of the square that a token describes."""
WIDTH = 384
"""Size of a token of one layer."""
LAYER = 9
"""Index of the inner layer whose tokens are used beside those of the last: less abstract."""
DEFAULT_SIDE_PX = 518
"""Short side at which a picture is looked at: that of the positions that were trained."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Normalisation of RGB in [0, 1]."""


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """What the backbone sees in one picture."""

    tokens: np.ndarray
    """float32 (rows, columns, 768): normalised tokens of the inner and the last layer."""
    subject: np.ndarray
    """float32 (8 rows, 8 columns) in [0, 1]: how much a place belongs to the subject."""


class Backbone(nn.Module):
    """DINOv2 ViT-S/14 of `transformers` with a subject-map head. Nothing of it is trained."""

    def __init__(self) -> None:
        super().__init__()
        # Imported here: most commands never need it.
        from transformers import Dinov2Config, Dinov2Model

        config = Dinov2Config(
            hidden_size=WIDTH, num_hidden_layers=12, num_attention_heads=6, image_size=518,
            patch_size=PATCH_PX,
        )  # fmt: skip
        self.vision: Any = Dinov2Model(config)
        self.subject_head = SubjectHead()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised pixels (P, 3, 14 rows, 14 columns) to tokens (P, 768, rows, columns) and
        subject map (P, 1, 8 rows, 8 columns) in [0, 1]."""
        grid = (pixels.shape[2] // PATCH_PX, pixels.shape[3] // PATCH_PX)
        output = self.vision(pixels, output_hidden_states=True)
        last = output.last_hidden_state[:, 1:]
        inner = nn.functional.normalize(output.hidden_states[LAYER][:, 1:], dim=-1)
        tokens = torch.cat([inner, nn.functional.normalize(last, dim=-1)], dim=-1)
        planes = tokens.transpose(1, 2).unflatten(2, grid)
        return planes, self.subject_head(last.transpose(1, 2).unflatten(2, grid))


class SubjectHead(nn.Module):
    """Three transposed convolutions from tokens to the subject map."""

    def __init__(self) -> None:
        super().__init__()
        for index, (before, after) in enumerate(((WIDTH, 256), (256, 128), (128, 64)), start=1):
            self.add_module(f"upconv{index}", nn.ConvTranspose2d(before, after, 4, 2, 1))
            self.add_module(f"bn{index}", nn.BatchNorm2d(after))
        self.final_conv = nn.Conv2d(64, 1, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the last layer (P, 384, rows, columns) to (P, 1, 8 rows, 8 columns)."""
        for index in (1, 2, 3):
            tokens = getattr(self, f"bn{index}")(getattr(self, f"upconv{index}")(tokens)).relu()
        return self.final_conv(tokens).sigmoid()


def has_backbone() -> bool:
    """Whether the weights are installed."""
    return weights_path() is not None


@lru_cache(maxsize=1)
def load_backbone() -> Backbone:
    """The backbone with its weights, on the CPU, in evaluation mode; read once a process.

    Raises:
        UserError: the package with the weights is not installed, or is another version.
    """
    backbone = Backbone()
    vision, head = read_tensors(list(backbone.vision.state_dict()))
    backbone.vision.load_state_dict(vision)
    # The counters of batch norms are of no use in evaluation mode, and the file has none.
    backbone.subject_head.load_state_dict(head, strict=False)
    return backbone.eval().requires_grad_(False)


def picture_features(picture: np.ndarray, side_px: int = DEFAULT_SIDE_PX) -> PictureFeatures:
    """Features of a picture, RGB uint8 (H, W, 3), seen at a short side of about `side_px`."""
    height, width = picture.shape[:2]
    scale = side_px / min(height, width)
    rows, columns = (max(1, round(side * scale / PATCH_PX)) for side in (height, width))
    size = (columns * PATCH_PX, rows * PATCH_PX)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(picture, size, interpolation=method).astype(np.float32) / 255
    normalised = (small - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    pixels = torch.from_numpy(normalised).permute(2, 0, 1)[None]
    with torch.inference_mode():
        tokens, subject = load_backbone()(pixels)
    return PictureFeatures(tokens[0].permute(1, 2, 0).numpy().copy(), subject[0, 0].numpy().copy())
