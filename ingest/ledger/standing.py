"""What stands from before: which outcomes hold, and what the manifest says about them now."""

from __future__ import annotations

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, find_outcome
from ingest.ledger.stored import is_content_id
from ingest.sources.discover import DiscoverConfig, SourceRow, split_of


def standing_outcome(
    dataset: Dataset, video_id: str, uri: str, identity: str, retry_failed: bool = False
) -> VideoOutcome | None:
    """The outcome of an earlier run if it still holds, else None: the work has to be done.

    It holds if the same settings made it and its keyframes are there. A failed one holds too
    (quarantine): what killed its worker once would do so in every run. If another URI has the same
    bytes, its outcome holds for now; the end of the run decides which URI a content goes by.

    Args:
        identity: `ingest.per_source.row_function.row_identity` of the row.
        retry_failed: let failed outcomes not hold.
    """
    before = find_outcome(dataset, video_id)
    if before is None:
        return None  # a damaged one is made again, to the same bytes
    if before.uri == uri and before.config_hash != identity:
        return None
    if before.status == "failed" and retry_failed:
        return None
    needed = (dataset.keyframes_tar(video_id), dataset.frames_parquet(video_id))
    if before.status == "kept" and not all(path.is_file() for path in needed):
        return None
    return before


def told(outcome: VideoOutcome, row: SourceRow, config: DiscoverConfig) -> VideoOutcome:
    """The outcome with what the row says: URI, painting, licence, source, split.

    A split that the videos of a painting were given together (`ingest.run.splits`) stays until that
    is decided anew at the end of the run.
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
