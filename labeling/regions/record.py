"""The stored masks of a pair: two 1-bit PNGs and the JSON that says how they were made."""

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
    """The JSON beside the two masks of a pair."""

    schema_version: str = SCHEMA_VERSION
    pair_id: str
    content_hash: str
    """Content of the pair's three images, as `labeling.pairs.Pair.content_hash`."""
    rule: str
    version: int
    mask_area: float = Field(ge=0, le=1)
    """Share of the canvas in the mask."""
    difference_area: float = Field(ge=0, le=1)
    mean_distance: float = Field(ge=0, le=1)
    """Mean of the LPIPS map between current and next over the whole canvas."""
    mean_difference: float = Field(ge=0, le=1)
    """The same between current and target."""


@dataclass(frozen=True)
class StoredRegion:
    """The masks of one pair as they lie in the tar: record and two 1-bit PNGs."""

    record: RegionRecord
    mask: bytes
    difference: bytes

    def masks(self, where: str) -> tuple[np.ndarray, np.ndarray]:
        """Mask and difference, bool (H, W). Raises SchemaError naming file, key and field."""
        key = self.record.pair_id
        return (
            decode_field(where, key, "mask", "png", self.mask, mask=True),
            decode_field(where, key, "difference", "png", self.difference, mask=True),
        )


def region_fields(region: StoredRegion) -> dict[str, bytes]:
    """What lies in the tar."""
    head = json.dumps(region.record.model_dump(mode="json"), sort_keys=True).encode()
    return {"mask.png": region.mask, "difference.png": region.difference, "json": head}


def read_region(key: str, fields: Mapping[str, bytes], where: str) -> StoredRegion:
    """A region from its fields. Raises SchemaError naming file, key and field."""
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
