"""The stored form of a pair's masks: two 1-bit PNGs and a JSON with rule and statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field, ValidationError

from ingest.conventions.errors import SchemaError
from ingest.format.fields import (
    SCHEMA_VERSION,
    check_version,
    decode_field,
    first_problem,
    read_json,
    required_field,
)
from ingest.format.schema import Record


class RegionRecord(Record):
    """The JSON stored with the two masks of a pair."""

    schema_version: str = SCHEMA_VERSION
    pair_id: str
    content_hash: str
    """`labeling.pairs.Pair.content_hash` of the images that the masks were computed from."""
    rule: str
    """`labeling.regions.regions.RegionsConfig.rule` of the masks."""
    version: int
    """`labeling.regions.regions.REGIONS_VERSION` of the masks."""
    mask_area: float = Field(ge=0, le=1)
    """Share of the canvas in the mask."""
    difference_area: float = Field(ge=0, le=1)
    """Share of the canvas in the difference mask."""
    mean_distance: float = Field(ge=0, le=1)
    """Mean of the LPIPS map between current and next canvas."""
    mean_difference: float = Field(ge=0, le=1)
    """Mean of the LPIPS map between current canvas and target."""


@dataclass(frozen=True)
class StoredRegion:
    """The masks of one pair, encoded as in the tar."""

    record: RegionRecord
    mask: bytes
    """1-bit PNG of the region painted between current and next canvas."""
    difference: bytes
    """1-bit PNG of the region in which the current canvas differs from the target."""

    def masks(self, where: str) -> tuple[np.ndarray, np.ndarray]:
        """Decode mask and difference mask, bool (H, W) each.

        Args:
            where: name of the file, for the error.

        Raises:
            SchemaError: names file, key and field that cannot be decoded.
        """
        key = self.record.pair_id
        return (
            decode_field(where, key, "mask", "png", self.mask, mask=True),
            decode_field(where, key, "difference", "png", self.difference, mask=True),
        )


def region_fields(region: StoredRegion) -> dict[str, bytes]:
    """The fields of a region in the tar, by extension."""
    head = json.dumps(region.record.model_dump(mode="json"), sort_keys=True).encode()
    return {"mask.png": region.mask, "difference.png": region.difference, "json": head}


def read_region(key: str, fields: Mapping[str, bytes], where: str) -> StoredRegion:
    """Parse the fields of a region. Raises SchemaError naming file, key and field."""
    head = read_json(key, fields, where)
    check_version(where, key, head)
    try:
        record = RegionRecord.model_validate(head)
    except ValidationError as error:
        raise first_problem(where, key, "json", error) from error
    if record.pair_id != key:
        raise SchemaError(where, key, "pair_id", f"got {record.pair_id!r}, expected the key")
    return StoredRegion(
        record,
        required_field(where, key, fields, "mask.png"),
        required_field(where, key, fields, "difference.png"),
    )
