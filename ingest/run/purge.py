"""Purges a video from a dataset: all its files are deleted, and no later run ingests it again.

The tombstone (`purged.jsonl`) is written first and the files are deleted after it. A purge that was
killed can therefore be repeated, and no run brings the video back in between. Shards are packed
from many videos: those that contain it are deleted, and `python -m labeling shards` rebuilds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.conventions.config import load_section
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.ledger.later_stages import (
    count_corrections,
    drop_answers,
    drop_corrections,
    drop_shards,
    has_answers,
    shards_with,
)
from ingest.ledger.outcome import VideoOutcome, find_outcome
from ingest.ledger.source_files import ingested_files, is_content_id, write_unkept
from ingest.ledger.source_names import find_source
from ingest.ledger.tombstones import read_purged, write_purged
from ingest.run.conclusion import conclude
from ingest.settings import IngestConfig


@dataclass(frozen=True)
class PurgePlan:
    """What a purge deletes."""

    video_id: str
    uri: str
    files: list[Path]
    """Files of this video alone, and pages that show it."""
    shards: list[Path]
    """Shards that contain samples of it; they are deleted with the samples of other videos."""
    has_answers: bool
    """Whether the table of instructions has rows of it, which are removed."""
    num_corrections: int
    """People's corrections of its samples, which are removed."""

    def lines(self) -> list[str]:
        """The plan in words, one line per file or table."""
        lines = [f"delete {path}" for path in [*self.files, *self.shards]]
        if self.has_answers:
            lines.append("take its rows out of labels/instructions.parquet")
        if self.num_corrections:
            lines.append(f"take {self.num_corrections} rows out of review/corrections.csv")
        return lines


def plan_purge(dataset: Dataset, name: str) -> PurgePlan:
    """The plan for purging a video, given by any of its names (`find_source`). Raises UserError."""
    video_id, uri = _find(dataset, name)
    files = [
        *ingested_files(dataset, video_id),
        dataset.regions_tar(video_id),
        dataset.instructions_jsonl(video_id),
        dataset.root / "labels.html",
        *sorted(dataset.human_masks(video_id).glob("*.png")),
    ]
    return PurgePlan(
        video_id,
        uri,
        [path for path in files if path.is_file()],
        list(shards_with(dataset, video_id)),
        has_answers(dataset, video_id),
        count_corrections(dataset, video_id),
    )


def purge(dataset: Dataset, plan: PurgePlan) -> None:
    """Execute a plan, and rewrite ledger and report."""
    before = find_outcome(dataset, plan.video_id)
    write_purged(dataset, read_purged(dataset) | {plan.video_id: plan.uri})
    drop_shards(dataset, plan.shards)
    for path in plan.files:
        path.unlink(missing_ok=True)
    if plan.has_answers:
        drop_answers(dataset, plan.video_id)
    if plan.num_corrections:
        drop_corrections(dataset, plan.video_id)
    write_unkept(dataset, _tombstone(plan, before))
    settings = dataset.config_yaml("ingest")
    has_settings = settings.is_file()
    conclude(
        dataset, load_section("ingest", IngestConfig, settings) if has_settings else IngestConfig()
    )


def _tombstone(plan: PurgePlan, before: VideoOutcome | None) -> VideoOutcome:
    """The outcome that replaces that of a purged video in the ledger."""
    return VideoOutcome(
        video_id=plan.video_id,
        uri=plan.uri,
        painting_id=plan.video_id,
        licence=before.licence if before else "",
        source=before.source if before else "",
        status="refused",
        reason="purged",
        detail="it was taken out with `python -m ingest purge`",
        config_hash=before.config_hash if before else "",
    )


def undo_purge(dataset: Dataset, name: str) -> str:
    """Delete the tombstone of a video (any name), so that the next run ingests it again; returns
    its id. Raises UserError if it was not purged."""
    purged = read_purged(dataset)
    video_id = find_source(dataset, name).video_id
    if video_id not in purged:
        raise UserError(f"{name} is not in {dataset.purged_jsonl}: nothing to undo")
    write_purged(dataset, {v: uri for v, uri in purged.items() if v != video_id})
    outcome = find_outcome(dataset, video_id)
    if outcome is not None and outcome.reason == "purged":
        dataset.outcome_json(video_id).unlink()
    return video_id


def _find(dataset: Dataset, name: str) -> tuple[str, str]:
    """Id and URI of the video with this name (`find_source`).

    Raises:
        UserError: there is none, or several, or it has no content of its own.
    """
    source = find_source(dataset, name)
    if not is_content_id(source.video_id):
        raise UserError(
            f"{name} is not in the dataset ({source.status}: {source.detail}): nothing to take out"
        )
    return source.video_id, source.uri
