"""Compares two stored copies of a part by what matters: weights, and config that they run with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

IDLE_KEYS = {
    "_name_or_path", "name_or_path", "_diffusers_version", "_commit_hash", "transformers_version",
    "torch_dtype", "dtype", "tokenizer_file", "is_local", "local_files_only",
    "max_length", "pad_to_multiple_of", "pad_token_type_id", "stride", "truncation_strategy",
}  # fmt: skip
"""Keys of config files that say where a part comes from, or with which arguments a tokenizer was
last called (every call gives them anew), and not what it computes."""
DEFAULTS = {"padding_side": "right", "truncation_side": "right"}
"""Values of keys that a tokenizer writes only once it was called."""


def first_difference(first: Path, second: Path) -> str | None:
    """What differs between two folders of one part, in words; None if they compute the same.

    Names, paths and versions in config files, and metadata of weight files, count for nothing.
    """
    names = {path.name for path in first.iterdir()} ^ {path.name for path in second.iterdir()}
    if names:
        return f"only one of them has {', '.join(sorted(names))}"
    for path in sorted(first.iterdir()):
        other = second / path.name
        if path.read_bytes() == other.read_bytes():
            continue
        if path.suffix == ".json":
            found = _json_difference(_parsed(path), _parsed(other))
        elif path.suffix == ".safetensors":
            found = _tensor_difference(path, other)
        else:
            found = "other bytes"
        if found:
            return f"{path.name}: {found}"
    return None


def _parsed(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _json_difference(first: Any, second: Any) -> str | None:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return None if first == second else "other content"
    for key in sorted({*first, *second} - IDLE_KEYS):
        one, two = (values.get(key, DEFAULTS.get(key)) for values in (first, second))
        if one != two:
            return f"{key} is {one!r:.60} and {two!r:.60}"
    return None


def _tensor_difference(first: Path, second: Path) -> str | None:
    with safe_open(first, "pt") as one, safe_open(second, "pt") as two:
        other_names = sorted({*one.keys()} ^ {*two.keys()})
        if other_names:
            return f"only one of them has the tensor {other_names[0]}"
        for name in sorted(one.keys()):
            if not torch.equal(one.get_tensor(name), two.get_tensor(name)):
                return f"other values in {name}"
    return None
