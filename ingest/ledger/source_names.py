"""Finds a source of a dataset by any name that people see: id, file name, path, address."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.ledger.ledger import read_outcomes
from ingest.ledger.tombstones import read_purged

MIN_ID_DIGITS = 4
"""Fewest first digits of an id that name a source."""
MAX_LISTED = 10
"""Most candidates that an error lists."""


@dataclass(frozen=True)
class NamedSource:
    """A source as its names show it."""

    video_id: str
    uri: str
    status: str
    """Its status and reason in words."""
    detail: str = ""


def find_source(dataset: Dataset, name: str) -> NamedSource:
    """The source with a name.

    Names, the surest first: id; path or address as it was given; another path of the same file; end
    of the path (file name, path in a manifest); file name without extension; first digits of the
    id. The first kind that fits any source counts.

    Raises:
        UserError: no source has the name, or several; they are listed.
    """
    name = name.strip()
    sources = _sources(dataset)
    ranked = [(rank, source) for source in sources if (rank := _rank(name, source)) is not None]
    if not ranked:
        raise UserError(
            f"{dataset.root} has no source {name!r}: give its id, file name or path as report.html "
            "and videos.parquet show it"
        )
    best = min(rank for rank, _ in ranked)
    found = [source for rank, source in ranked if rank == best]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(f"{s.video_id} {s.uri} ({s.status})" for s in found[:MAX_LISTED])
    more = f"; and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
    raise UserError(
        f"{name!r} fits {len(found)} sources, give one id or more of a path: {listed}{more}"
    )


def _sources(dataset: Dataset) -> list[NamedSource]:
    """All sources of the ledger, and those that were purged before their outcome was written."""
    sources = {
        outcome.video_id: NamedSource(
            outcome.video_id,
            outcome.uri,
            " ".join(filter(None, (outcome.status, outcome.reason))),
            outcome.detail,
        )
        for outcome in read_outcomes(dataset)
    }
    for video_id, uri in read_purged(dataset).items():
        sources.setdefault(video_id, NamedSource(video_id, uri, "purged"))
    return [sources[video_id] for video_id in sorted(sources)]


def _rank(name: str, source: NamedSource) -> int | None:
    """How surely a name is that of a source: 0 is surest; None if it is not."""
    uri = source.uri.removeprefix("file://")
    path = PurePosixPath(uri.rstrip("/"))
    given = PurePosixPath(name.removeprefix("file://").rstrip("/"))
    parts = tuple(part for part in given.parts if part != ".")
    fits = (
        name == source.video_id,
        name == source.uri,
        "://" not in uri and os.path.abspath(name) == os.path.abspath(uri),
        bool(parts) and path.parts[-len(parts) :] == parts,
        name == path.stem,
        len(name) >= MIN_ID_DIGITS and source.video_id.startswith(name.lower()),
    )
    return next((rank for rank, holds in enumerate(fits) if holds), None)
