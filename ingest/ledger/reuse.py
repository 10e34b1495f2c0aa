"""Decides whether the outcome of an earlier run is reused, and updates it from the manifest."""

from __future__ import annotations

from ingest.format.dataset import Dataset
from ingest.format.tar import has_end
from ingest.ledger.frame_table import is_whole_table
from ingest.ledger.outcome import VideoOutcome, find_outcome
from ingest.ledger.source_files import is_content_id
from ingest.sources.discover import DiscoverConfig, SourceRow, split_of


def reusable_outcome(
    dataset: Dataset, video_id: str, uri: str, identity: str, retry_failed: bool = False
) -> VideoOutcome | None:
    """The outcome of an earlier run if it is still valid; None if the source must be ingested.

    It is valid if the same settings made it and its files are there and whole. A failed outcome is
    valid too: a source that killed its worker once would do so in every run. If another URI has the
    same content, its outcome is returned; the end of the run decides which URI names the content.

    Args:
        identity: `ingest.per_source.row_function.row_identity` of the row.
        retry_failed: treat failed outcomes as invalid.
    """
    before = find_outcome(dataset, video_id)
    if before is None:
        return None  # a damaged outcome is made again, with the same bytes
    if before.uri == uri and before.config_hash != identity:
        return None
    if before.status == "failed" and retry_failed:
        return None
    if before.status == "kept" and not _has_whole_files(dataset, video_id):
        return None
    return before


def _has_whole_files(dataset: Dataset, video_id: str) -> bool:
    """Whether keyframes and frame table are there and not cut short. Only their ends are read, so
    that a rerun over many sources stays quick."""
    tar, table = dataset.keyframes_tar(video_id), dataset.frames_parquet(video_id)
    return tar.is_file() and table.is_file() and has_end(tar) and is_whole_table(table)


def with_row_fields(outcome: VideoOutcome, row: SourceRow, config: DiscoverConfig) -> VideoOutcome:
    """The outcome with URI, painting, licence, source and split of its manifest row.

    If painting and split of the row are unchanged, the split of the painting's group
    (`ingest.run.splits`) stays; the end of the run decides it again.
    """
    own_painting = outcome.video_id if is_content_id(outcome.video_id) else ""
    painting = row.painting or own_painting
    is_same = (painting, row.split) == (outcome.painting_id, outcome.given_split)
    split = outcome.split if is_same else row.split or split_of(painting, config)
    return outcome.model_copy(
        update={
            "uri": row.uri,
            "painting_id": painting,
            "licence": row.licence,
            "source": row.source,
            "given_split": row.split,
            "split": split,
        }
    )
