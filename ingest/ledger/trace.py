"""Traces a sample from its name back to its video, frames, labels, corrections and shards."""

from __future__ import annotations

from typing import Any

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.sample_names import SampleName, is_name, parse_name
from ingest.ledger.later_stages import answers, corrections, shards_with
from ingest.ledger.outcome import read_keyframes, read_outcome
from ingest.ledger.source_files import keyframe_key
from ingest.ledger.source_names import find_source

FROM_OUTCOME = (
    "uri", "painting_id", "licence", "source", "split", "near_duplicate_of", "status", "reason",
    "ingest_version", "config_hash",
)  # fmt: skip
"""Fields of the outcome that a trace contains."""


def trace(dataset: Dataset, name: str) -> dict[str, Any]:
    """The provenance of a sample, keyframe or video.

    Args:
        name: its key, for example ``0123456789abcdef-k0003-k0004-k0026``; of a video any name
            (`ingest.ledger.source_names.find_source`).

    Returns:
        JSON values: ``video`` (URI, licence, source, ...), ``keyframes`` by part (frame, time,
        corners, quality), and for samples ``answers``, ``corrections`` and ``shards``.

    Raises:
        UserError: the dataset does not contain it, or several sources have the name.
    """
    name = name.strip()
    if is_name(name):
        parsed = parse_name(name)
    else:
        parsed = SampleName(find_source(dataset, name).video_id, {})
    outcome = read_outcome(dataset, parsed.video_id)
    found: dict[str, Any] = {
        "name": name,
        "video": {"video_id": outcome.video_id}
        | {field: getattr(outcome, field) for field in FROM_OUTCOME},
        "files": {"outcome": str(dataset.outcome_json(outcome.video_id))},
    }
    if outcome.status != "kept":
        return found
    found["files"]["keyframes"] = str(dataset.keyframes_tar(outcome.video_id))
    stored = {s.keyframe.index: s.keyframe for s in read_keyframes(dataset, outcome.video_id)}
    found["keyframes"] = {}
    for part, index in parsed.keyframes.items():
        if index is not None and index not in stored:
            key = keyframe_key(outcome.video_id, index)
            raise UserError(f"{key} is not in {found['files']['keyframes']}: it was made anew")
        record = None if index is None else stored[index].model_dump(mode="json")
        found["keyframes"][part] = record or "the white canvas that a painting starts from"
    if parsed.is_sample:
        found["answers"] = answers(dataset, name, outcome.video_id)
        found["corrections"] = corrections(dataset, name)
        found["shards"] = [str(path) for path in shards_with(dataset, name)]
    return found


def as_lines(found: dict[str, Any], indent: int = 0) -> list[str]:
    """A trace as text, one value per line."""
    lines: list[str] = []
    for key, value in found.items():
        pad = "  " * indent
        if isinstance(value, dict):
            lines += [f"{pad}{key}", *as_lines(value, indent + 1)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, item in enumerate(value, start=1):
                lines += [f"{pad}{key} {number}", *as_lines(item, indent + 1)]
        else:
            lines.append(f"{pad}{key}: {'(none)' if value in ('', None, []) else value}")
    return lines
