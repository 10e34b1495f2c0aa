"""Migrates shards of an older minor version to this one (``python -m labeling migrate DATASET``).

Only the index and the table of samples are written. Nothing but the folder of shards is read, so
downloaded shards can be migrated too. Each step migrates the index by one version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import sha256
from labeling.shards.index import (
    INDEX_VERSION,
    SamplesEntry,
    ShardIndex,
    file_sha256,
    read_index,
)
from labeling.shards.sample_table import SAMPLES_FILE, check_unique, encode_rows, rows_of_tar


def migrate(dataset: Dataset) -> dict[str, Any]:
    """Migrate the index of a dataset's shards to this version; does nothing if it is current.

    Returns:
        ``from`` and ``to``: versions; ``samples``: their number.

    Raises:
        UserError: the index has another major version or a later minor one, or a shard differs
            from the index. Nothing is written then.
    """
    before = read_index(dataset)
    index = before
    while index.schema_version != INDEX_VERSION or index.samples is None:
        version = "1.0" if index.samples is None else index.schema_version
        if version not in _STEPS:
            raise UserError(
                f"{dataset.index_json} is of version {version}, this code writes {INDEX_VERSION}: "
                "it can be read as it is; update the toolkit to write it"
            )
        index = _STEPS[version](dataset, index)
    if index is not before:
        write_json(dataset.index_json, index.model_dump(mode="json"))
    return {
        "from": before.schema_version,
        "to": index.schema_version,
        "samples": sum(entry.num_samples for entry in index.shards),
    }


def _from_1_0(dataset: Dataset, index: ShardIndex) -> ShardIndex:
    """Add the table of samples, which is new in 1.1."""
    rows = []
    for entry in index.shards:
        path = dataset.shards / entry.name
        if not path.is_file() or file_sha256(path) != entry.sha256:
            problem = "has another hash than index.json says" if path.is_file() else "is missing"
            raise UserError(f"{path} {problem}: fetch or build it again, then migrate")
        rows += rows_of_tar(path)
    check_unique([(row.shard, row.key) for row in rows], str(dataset.shards))
    data = encode_rows(rows)
    write_bytes(dataset.shards / SAMPLES_FILE, data)
    entry = SamplesEntry(
        name=SAMPLES_FILE, num_samples=len(rows), num_bytes=len(data), sha256=sha256(data)
    )
    return index.model_copy(update={"schema_version": "1.1", "samples": entry})


_STEPS: dict[str, Callable[[Dataset, ShardIndex], ShardIndex]] = {"1.0": _from_1_0}
"""The migration from each version to the next one."""
