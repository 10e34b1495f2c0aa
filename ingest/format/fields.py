"""Reads and checks the fields of a stored sample; errors name file, key and field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from ingest.conventions.errors import SchemaError
from ingest.format.images import ImageFormat, decode_image, decode_mask

SCHEMA_VERSION = "1.0"
"""major.minor. A reader accepts every minor version of its own major version."""

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What a key must match."""
MAX_INSTRUCTION_CHARACTERS = 200
"""Longest instruction, in characters."""
IMAGE_FORMATS: tuple[ImageFormat, ...] = ("jpg", "png")
"""Extensions of image fields, in the order in which they are looked up."""


def read_json(key: str, fields: Mapping[str, bytes], where: str) -> dict[str, Any]:
    try:
        head = json.loads(required_field(where, key, fields, "json"))
    except (ValueError, UnicodeDecodeError) as error:
        raise SchemaError(where, key, "json", f"not valid JSON ({error})") from error
    if not isinstance(head, dict):
        raise SchemaError(where, key, "json", f"expected an object, got {type(head).__name__}")
    return head


def read_head(key: str, fields: Mapping[str, bytes], where: str) -> dict[str, Any]:
    head = read_json(key, fields, where)
    check_version(where, key, head)
    for name in ("interval_s", "instruction", "provenance"):
        if name not in head:
            raise SchemaError(where, key, name, f"missing; the JSON has {sorted(head)}")
    return head


def check_version(where: str, key: str, head: Mapping[str, Any]) -> None:
    version = str(head.get("schema_version", "none"))
    ours = SCHEMA_VERSION.partition(".")[0]
    if version.partition(".")[0] != ours:
        raise SchemaError(
            where,
            key,
            "schema_version",
            f"got {version}, this code reads {ours}.x: rebuild the file",
        )


def check_values(where: str, key: str, interval_s: Any, instruction: Any) -> None:
    if not KEY_PATTERN.fullmatch(key):
        raise SchemaError(where, key, "key", "expected letters, digits, '-' and '_' only")
    is_number = isinstance(interval_s, int | float) and not isinstance(interval_s, bool)
    if not is_number or not math.isfinite(interval_s) or interval_s <= 0:
        raise SchemaError(where, key, "interval_s", f"got {interval_s!r}, expected seconds above 0")
    # Empty: painters without a text network (-TG) have no words for their steps.
    if not isinstance(instruction, str) or (instruction and not instruction.strip()):
        raise SchemaError(where, key, "instruction", f"got {instruction!r}, expected a text")
    if len(instruction) > MAX_INSTRUCTION_CHARACTERS:
        raise SchemaError(
            where,
            key,
            "instruction",
            f"{len(instruction)} characters, at most {MAX_INSTRUCTION_CHARACTERS} are allowed",
        )


def required_field(where: str, key: str, fields: Mapping[str, bytes], name: str) -> bytes:
    if name not in fields:
        raise SchemaError(where, key, name, f"missing; the sample has {sorted(fields)}")
    return fields[name]


def image_field(
    where: str, key: str, fields: Mapping[str, bytes], name: str
) -> tuple[ImageFormat, bytes]:
    for format in IMAGE_FORMATS:
        if f"{name}.{format}" in fields:
            return format, fields[f"{name}.{format}"]
    raise SchemaError(where, key, name, f"missing; the sample has {sorted(fields)}")


def decode_field(
    where: str,
    key: str,
    name: str,
    format: str,
    data: bytes,
    mask: bool = False,
    decode: Callable[[bytes], np.ndarray] | None = None,
) -> np.ndarray:
    try:
        return decode_mask(data) if mask else (decode or decode_image)(data)
    except ValueError as error:
        raise SchemaError(where, key, f"{name}.{format}", str(error)) from error


def first_problem(where: str, key: str, field: str, error: ValidationError) -> SchemaError:
    first = error.errors()[0]
    place = ".".join([field, *map(str, first["loc"])])
    return SchemaError(where, key, place, f"{first['msg']} (got {first['input']!r})")
