"""Reads and writes the tombstones of a dataset (`purged.jsonl`): the videos that were purged."""

from __future__ import annotations

import json

from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import Refusal, UserError
from ingest.format.dataset import Dataset


def read_purged(dataset: Dataset) -> dict[str, str]:
    """URI of every purged video, by video id. Raises UserError naming a damaged line."""
    path = dataset.purged_jsonl
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            found[record["video_id"]] = record["uri"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}:{number}: expected {{video_id, uri}}, got {line[:80]!r}: correct that line"
            ) from error
    return found


def write_purged(dataset: Dataset, purged: dict[str, str]) -> None:
    """Write all tombstones (URI by video id), sorted by video id."""
    lines = (
        json.dumps({"uri": purged[video_id], "video_id": video_id}, ensure_ascii=False)
        for video_id in sorted(purged)
    )
    write_bytes(dataset.purged_jsonl, "".join(line + "\n" for line in lines).encode())


def refuse_purged(dataset: Dataset, video_id: str) -> None:
    """Raises Refusal (purged) if the video was purged."""
    if video_id in read_purged(dataset):
        raise Refusal(
            "purged",
            f"video {video_id} was taken out of {dataset.root.name}: to take it in again use "
            f"`python -m ingest purge {dataset.root.name} {video_id} --undo`",
        )
