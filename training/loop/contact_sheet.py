"""Arranges batches of images as a contact sheet, to be looked at in TensorBoard."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def contact_sheet(columns: list[Tensor], width_px: int = 192, gap_px: int = 4) -> np.ndarray:
    """One image with a row per sample and a column per tensor.

    Args:
        columns: each (P, 3 or 1, H, W) in [-1, 1], all of one P and size.

    Returns:
        RGB uint8 (H', W', 3).
    """
    height, width = columns[0].shape[-2:]
    size = (max(1, round(height * width_px / width)), width_px)
    tiles = []
    for column in columns:
        small = functional.interpolate(
            column.float().cpu().expand(-1, 3, -1, -1), size, mode="area"
        )
        tiles.append(functional.pad(small, (0, gap_px, 0, gap_px), value=1.0))
    rows = torch.cat(tiles, dim=3)
    sheet = torch.cat(list(rows), dim=1).permute(1, 2, 0)
    return ((sheet.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
