"""Stores the masks that people paint on the review page, and selects the mask in force.

A mask is a 1-bit PNG ``review/masks/<video_id>/<sha256>.png``, named by its hash. A row of the
corrections log names the mask in force. The machine's mask is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import encode_mask, sha256
from labeling.corrections.corrections import Correction
from labeling.regions.record import StoredRegion

RULE_SUFFIX = "+human"
"""Appended to the region rule in the provenance of a sample with a painted mask."""


def store_human_mask(dataset: Dataset, video_id: str, mask: np.ndarray) -> str:
    """Store a mask, bool (H, W), and return its hash."""
    data = encode_mask(mask)
    name = sha256(data)
    path = dataset.human_mask_png(video_id, name)
    if not path.is_file():
        write_bytes(path, data)
    return name


def read_human_mask(dataset: Dataset, video_id: str, mask_sha256: str) -> bytes:
    """Read the PNG of a mask. Raises UserError: it is missing, or has another hash."""
    path = dataset.human_mask_png(video_id, mask_sha256)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{path} not found, the corrections log names it: restore the file, or paint the mask "
            "again with `python -m labeling review serve`"
        ) from None
    if sha256(data) != mask_sha256:
        raise UserError(f"{path} is damaged: restore the file, or paint the mask again")
    return data


def effective_region(
    dataset: Dataset, video_id: str, region: StoredRegion, mask_sha256: str
) -> StoredRegion:
    """The region with the painted mask of this hash; unchanged if `mask_sha256` is empty."""
    if not mask_sha256:
        return region
    return replace(region, mask=read_human_mask(dataset, video_id, mask_sha256))


def human_mask_hash(correction: Correction | None) -> str:
    """Hash of the painted mask that a correction names; empty for the machine's mask."""
    return correction.mask_sha256 if correction is not None else ""
