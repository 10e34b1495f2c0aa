"""Masks that people painted in the review page, and which mask of a pair is in force.

They lie losslessly in ``review/masks/<video_id>/<sha256>.png`` (1-bit PNG, named by its hash); a
row of the corrections log names the one that holds. The machine's mask stays where it is.
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
"""Follows the region rule in the provenance of a sample whose mask a person painted over."""


def store_human_mask(dataset: Dataset, video_id: str, mask: np.ndarray) -> str:
    """Keep a mask, bool (H, W); returns the hash by which the log names it."""
    data = encode_mask(mask)
    name = sha256(data)
    path = dataset.human_mask_png(video_id, name)
    if not path.is_file():
        write_bytes(path, data)
    return name


def read_human_mask(dataset: Dataset, video_id: str, mask_sha256: str) -> bytes:
    """The PNG of a mask. Raises UserError: it is not there, or its bytes are others."""
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


def region_in_force(
    dataset: Dataset, video_id: str, region: StoredRegion, mask_sha256: str
) -> StoredRegion:
    """The region with the mask that a person painted; as it is where `mask_sha256` is empty."""
    if not mask_sha256:
        return region
    return replace(region, mask=read_human_mask(dataset, video_id, mask_sha256))


def mask_of(correction: Correction | None) -> str:
    """Hash of the mask that a decision names; empty where the machine's holds."""
    return correction.mask_sha256 if correction is not None else ""
