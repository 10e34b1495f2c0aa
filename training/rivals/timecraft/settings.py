"""What a folder of Timecraft says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ingest.conventions.config import Config
from training.rivals.folder import RivalRecord, damaged, load_network, read_rival, save_rival
from training.rivals.timecraft.network import NextFrameNetwork

KIND = "timecraft"
WEIGHTS = "next_frame"
"""Name of the file of weights."""
NUM_STEPS, INTERVAL_S = 40, 23.6
"""Frames of a roll-out, and the mean interval of the paper's training data, which it gives each."""


class TimecraftSettings(Config):
    """Settings of the roll-out."""

    layout: Literal["crops", "whole"] = "crops"
    """crops: overlapping crops of the picture at 126 x 168 px, painted side by side. whole: the
    whole picture at 50 x 50 px."""
    channels: Literal["rgb", "bgr"] = "rgb"
    """Order of the colours that the network sees. The authors' demo gives bgr, probably by
    mistake; training frames were rgb."""


def save_timecraft(
    folder: Path,
    network: NextFrameNetwork,
    settings: TimecraftSettings,
    provenance: dict[str, Any],
    licence: str,
) -> None:
    """Write a rival folder."""
    record = RivalRecord(
        kind=KIND,
        num_steps=NUM_STEPS,
        interval_s=INTERVAL_S,
        settings=settings.model_dump(),
        provenance=provenance,
        licence=licence,
    )
    save_rival(folder, record, {WEIGHTS: network})


def load_timecraft(folder: Path) -> tuple[NextFrameNetwork, TimecraftSettings]:
    """The network and its settings.

    Raises:
        UserError: the folder is damaged.
    """
    try:
        settings = TimecraftSettings.model_validate(read_rival(folder).settings)
    except ValidationError as error:
        raise damaged(folder, error) from error
    network = NextFrameNetwork()
    load_network(folder, WEIGHTS, network)
    return network.eval(), settings
