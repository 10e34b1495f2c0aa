"""The stored records: `Keyframe` (one clean canvas of a video) and `Sample` (one painting step).

Training samples, review rows, inference steps and evaluation rows are all a `Sample`: current
canvas, next canvas, target painting, seconds between, instruction, region mask, provenance.
docs/data-format.md describes both for readers that do not use this code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.conventions.errors import SchemaError
from ingest.format.fields import (
    IMAGE_FORMATS,
    SCHEMA_VERSION,
    check_values,
    check_version,
    decode_field,
    first_problem,
    image_field,
    read_head,
    read_json,
    required_field,
)
from ingest.format.images import ImageFormat, encode_image, encode_mask, sha256

Split = Literal["train", "val"]


class Record(BaseModel):
    """Base of stored JSON: immutable. Unknown keys are ignored, so files of a later minor version
    can be read."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Keyframe(Record):
    """The JSON beside one clean canvas in ``keyframes/<video_id>.tar``."""

    schema_version: str = SCHEMA_VERSION
    video_id: str
    index: int = Field(ge=0)
    """Position among the video's keyframes, from 0."""
    time_s: float = Field(ge=0, allow_inf_nan=False)
    """Seconds from the start of the video (or real seconds where the source gives a speed)."""
    frame_index: int | None = Field(default=None, ge=0)
    """Frame of the source video; None for imported pictures."""
    corners_px: tuple[tuple[float, float], ...] | None = None
    """Canvas corners in the source frame: top left, top right, bottom right, bottom left (x, y)."""
    target: int = Field(ge=0)
    """Index of the keyframe that shows the finished painting of this one's shot."""
    is_bare: bool = False
    """Whether it shows the blank canvas."""
    quality: dict[str, float] = Field(default_factory=dict)
    """Measurements of ingest by name; docs/data-format.md lists them."""


class CanvasRef(Record):
    """Reference to the canvas that an image of a sample shows."""

    keyframe: int | None = None
    """Index in the video's keyframes; None for a synthetic canvas (white start, painted step)."""
    time_s: float = Field(ge=0, allow_inf_nan=False)
    frame_index: int | None = None
    sha256: str
    """Hash of the encoded image."""


class Provenance(Record):
    """Where a sample comes from, back to the frame and to whoever labeled it."""

    video_id: str
    painting_id: str
    """Two videos of one painting share it; splits never divide a painting."""
    uri: str
    """The source as given to ingest, or the picture that inference painted."""
    licence: str = ""
    source: str = ""
    split: Split = "train"
    current: CanvasRef
    next: CanvasRef
    target: CanvasRef
    corners_px: tuple[tuple[float, float], ...] | None = None
    """Crop of the next canvas in its source frame."""
    labeler: str
    """Who wrote the instruction: ``rule-2``, ``llava:NAME``, ``human:NAME``, ``painter:NAME``."""
    machine_instruction: str
    """The machine's instruction before any correction."""
    confidence: float | None = Field(default=None, ge=0, le=1)
    region_rule: str
    """How the mask was made, for example ``lpips-alex>0.2``."""
    ingest_version: str
    config_hash: str


@dataclass(frozen=True, eq=False)
class Sample:
    """One step of a painting's making.

    Images are RGB uint8 (H, W, 3) in [0, 255], masks bool (H, W); all of one size.
    """

    key: str
    current: np.ndarray
    """I_{t-1}, the canvas before the step."""
    next: np.ndarray
    """I_t, the canvas after it."""
    target: np.ndarray
    """I_T, the finished painting."""
    interval_s: float
    """Seconds between current and next; positive."""
    instruction: str
    """p_t: what is painted in this step, one or two words."""
    mask: np.ndarray
    """M_t: where it is painted."""
    difference: np.ndarray
    """M_d: where the current canvas still differs from the target."""
    provenance: Provenance


def canvas_ref(
    encoded: bytes, time_s: float, keyframe: int | None = None, frame_index: int | None = None
) -> CanvasRef:
    """The reference of an encoded canvas."""
    return CanvasRef(
        keyframe=keyframe, time_s=time_s, frame_index=frame_index, sha256=sha256(encoded)
    )


def pack_sample(
    key: str,
    current: tuple[ImageFormat, bytes],
    next: tuple[ImageFormat, bytes],
    target: tuple[ImageFormat, bytes],
    mask: bytes,
    difference: bytes,
    interval_s: float,
    instruction: str,
    provenance: Provenance,
) -> dict[str, bytes]:
    """Fields of a sample from images that are encoded already."""
    check_values(f"sample {key}", key, interval_s, instruction)
    head = {
        "schema_version": SCHEMA_VERSION,
        "interval_s": interval_s,
        "instruction": instruction,
        "provenance": provenance.model_dump(mode="json"),
    }
    return {
        f"current.{current[0]}": current[1],
        f"next.{next[0]}": next[1],
        f"target.{target[0]}": target[1],
        "mask.png": mask,
        "difference.png": difference,
        "json": json.dumps(head, sort_keys=True, ensure_ascii=False, allow_nan=False).encode(),
    }


def encode_sample(sample: Sample, format: ImageFormat = "png") -> dict[str, bytes]:
    """Fields of a sample as bytes, ready for `ingest.format.tar.write_tar`; PNG keeps every
    pixel."""
    return pack_sample(
        key=sample.key,
        current=(format, encode_image(sample.current, format)),
        next=(format, encode_image(sample.next, format)),
        target=(format, encode_image(sample.target, format)),
        mask=encode_mask(sample.mask),
        difference=encode_mask(sample.difference),
        interval_s=sample.interval_s,
        instruction=sample.instruction,
        provenance=sample.provenance,
    )


def decode_sample(
    key: str,
    fields: Mapping[str, bytes],
    where: str,
    decode: Callable[[bytes], np.ndarray] | None = None,
) -> Sample:
    """A sample from its stored fields; all are checked.

    Args:
        where: the file that the fields come from; it opens every error message.
        decode: replaces `ingest.format.images.decode_image`, for callers that cache decoded images.

    Raises:
        SchemaError: names file, key and field, what was got and what was expected.
    """
    head = read_head(key, fields, where)
    check_values(where, key, head["interval_s"], head["instruction"])
    try:
        provenance = Provenance.model_validate(head["provenance"])
    except ValidationError as error:
        raise first_problem(where, key, "provenance", error) from error
    images = {
        name: decode_field(where, key, name, *image_field(where, key, fields, name), decode=decode)
        for name in ("current", "next", "target")
    }
    masks = {
        name: decode_field(
            where, key, name, "png", required_field(where, key, fields, f"{name}.png"), mask=True
        )
        for name in ("mask", "difference")
    }
    size = images["current"].shape[:2]
    for name, array in {**images, **masks}.items():
        if array.shape[:2] != size:
            raise SchemaError(where, key, name, f"size {array.shape[:2]}, current has {size}")
    return Sample(
        key=key,
        interval_s=float(head["interval_s"]),
        instruction=head["instruction"],
        provenance=provenance,
        **images,
        **masks,
    )


def encode_keyframe(keyframe: Keyframe, image: bytes, format: ImageFormat) -> dict[str, bytes]:
    """Fields of one keyframe: its encoded image, unchanged, and its JSON."""
    text = json.dumps(keyframe.model_dump(mode="json"), sort_keys=True, allow_nan=False)
    return {format: image, "json": text.encode()}


def decode_keyframe(
    key: str, fields: Mapping[str, bytes], where: str
) -> tuple[Keyframe, ImageFormat, bytes]:
    """A keyframe's record, image format and encoded image (not decoded)."""
    head = read_json(key, fields, where)
    check_version(where, key, head)
    try:
        keyframe = Keyframe.model_validate(head)
    except ValidationError as error:
        raise first_problem(where, key, "json", error) from error
    for format in IMAGE_FORMATS:
        if format in fields:
            return keyframe, format, fields[format]
    raise SchemaError(where, key, "jpg", f"missing; the sample has {sorted(fields)}")
