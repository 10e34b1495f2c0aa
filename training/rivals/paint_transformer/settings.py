"""What a folder of Paint Transformer says of itself, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from training.rivals.folder import RivalRecord, load_network, save_rival
from training.rivals.paint_transformer.brushes import BRUSH_PX, Brushes
from training.rivals.paint_transformer.network import StrokeNetwork

KIND = "paint_transformer"
WEIGHTS, BRUSHES = "strokes", "brushes"
"""Names of the files of weights and of brush pictures."""
NUM_STEPS, INTERVAL_S = 200, 2.8
"""Frames of a picture of 513 to 1024 px, which the paper gives 561 s; smaller pictures have
fewer."""


def save_paint_transformer(
    folder: Path,
    network: StrokeNetwork,
    brushes: Brushes,
    provenance: dict[str, Any],
    licence: str,
) -> None:
    """Write a rival folder."""
    record = RivalRecord(
        kind=KIND,
        num_steps=NUM_STEPS,
        interval_s=INTERVAL_S,
        provenance=provenance,
        licence=licence,
    )
    save_rival(folder, record, {WEIGHTS: network, BRUSHES: brushes})


def load_paint_transformer(folder: Path) -> tuple[StrokeNetwork, Brushes]:
    """The network and the brushes.

    Raises:
        UserError: the folder is damaged.
    """
    network = StrokeNetwork()
    load_network(folder, WEIGHTS, network)
    brushes = Brushes(torch.zeros(2, 1, BRUSH_PX, BRUSH_PX))
    load_network(folder, BRUSHES, brushes)
    return network.eval(), brushes
