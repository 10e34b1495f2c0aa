"""Ingests one source: writes its keyframes and returns its outcome (the row function of ingest)."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass
from pathlib import Path

import cv2

from ingest import __version__
from ingest.conventions.errors import Refusal, Unreachable, storage_error
from ingest.conventions.git_lfs import ADVICE, is_pointer
from ingest.execution.zygote import note
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.reuse import reusable_outcome
from ingest.ledger.source_files import placeholder_id, write_unkept, write_video
from ingest.ledger.tombstones import refuse_purged
from ingest.per_source.doubts import with_start_doubt
from ingest.per_source.folder_to_keyframes import holds_keyframes, import_folder
from ingest.per_source.video_to_keyframes import ingest_footage
from ingest.settings import IngestConfig, identity
from ingest.sources.change_tag import local_change_tag
from ingest.sources.copies import local_copy, remote_change_tag
from ingest.sources.discover import SourceRow, content_id, split_of

STORAGE = "storage"
"""Reason of an outcome that is not recorded: the output cannot be written, so the run stops."""


@dataclass(frozen=True)
class SourceResult:
    """The outcome of one source, and whether it is new."""

    outcome: VideoOutcome
    change_tag: str = ""
    """`ingest.sources.change_tag.local_change_tag` of the source, from before it was read."""
    is_new: bool = True
    """False if the outcome of an earlier run is reused."""


@dataclass(frozen=True)
class KnownSource:
    """What an earlier run found out about a source."""

    change_tag: str
    video_id: str


@dataclass(frozen=True)
class IngestVideo:
    """The row function: reads one source, writes its keyframes, preview and outcome into `root`.

    It never raises for a bad source: refusals and unforeseen errors are outcomes too. Only if the
    output cannot be written, the outcome is not recorded (reason `STORAGE`). It is a class and not
    a closure, so that it can be pickled.
    """

    config: IngestConfig
    root: Path
    retry_failed: bool = False
    """Ingest sources again whose earlier outcome is `failed`."""

    def __call__(self, row: SourceRow) -> VideoOutcome:
        return self.process(row).outcome

    def unchanged_outcome(
        self, row: SourceRow, known: KnownSource | None, change_tag: str
    ) -> VideoOutcome | None:
        """Returns the reusable outcome of an earlier run, or None if the source may have changed.

        The source itself is not read.
        """
        if known is None or not change_tag or known.change_tag != change_tag:
            return None
        return self._reusable(row, known.video_id)

    def process(self, row: SourceRow, known: KnownSource | None = None) -> SourceResult:
        """Ingests a source, unless the outcome of an earlier run can be reused."""
        # Many videos run in parallel: one thread each is faster, with the same results anywhere.
        cv2.setNumThreads(1)
        dataset = Dataset(self.root)
        # The driver asks no server. A rerun asks here, for the change tag, and fetches nothing.
        change_tag = local_change_tag(row) or remote_change_tag(row, self.config.remote)
        earlier = self.unchanged_outcome(row, known, change_tag)
        if earlier is not None:
            return SourceResult(earlier, change_tag, is_new=False)
        outcome = initial_outcome(row, self.config)
        try:
            with local_copy(row, self.config.remote) as local:
                outcome = with_content_id(outcome, local, self.config)
                note(SourceResult(outcome, change_tag))
                earlier = self._reusable(row, outcome.video_id)
                if earlier is not None:
                    return SourceResult(earlier, change_tag, is_new=False)
                refuse_purged(dataset, outcome.video_id)
                if is_pointer(local.path):
                    raise Refusal("unreadable", f"{local.uri} {ADVICE}")
                make = import_folder if holds_keyframes(local.path) else ingest_footage
                made = with_start_doubt(make(local, outcome, self.config))
                return SourceResult(write_video(dataset, made), change_tag)
        except Exception as error:
            closed = _record_error(dataset, outcome, error)
            # Without a change tag the outcome is not reused: the next run tries again.
            return SourceResult(closed, "" if isinstance(error, Unreachable) else change_tag)

    def _reusable(self, row: SourceRow, video_id: str) -> VideoOutcome | None:
        identity = row_identity(row, self.config)
        return reusable_outcome(Dataset(self.root), video_id, row.uri, identity, self.retry_failed)


def make_ingest_video(config: IngestConfig, root: Path | str) -> IngestVideo:
    """Returns the row function of a dataset folder."""
    return IngestVideo(config, Path(root))


def initial_outcome(row: SourceRow, config: IngestConfig) -> VideoOutcome:
    """Returns the outcome of a row before its content is known."""
    return VideoOutcome(
        video_id=placeholder_id("missing", row.uri),
        uri=row.uri,
        painting_id=row.painting,
        licence=row.licence,
        source=row.source,
        given_split=row.split,
        split=row.split or "train",
        status="kept",
        ingest_version=__version__,
        config_hash=row_identity(row, config),
    )


def with_content_id(outcome: VideoOutcome, row: SourceRow, config: IngestConfig) -> VideoOutcome:
    """Returns the outcome with its content id, painting and split. Raises Refusal: missing."""
    video_id = content_id(row)
    painting = row.painting or video_id
    split = row.split or split_of(painting, config.discover)
    return outcome.model_copy(
        update={
            "video_id": video_id,
            "painting_id": painting,
            "split": split,
            "given_split": row.split,
        }
    )


def row_identity(row: SourceRow, config: IngestConfig) -> str:
    """Returns twelve hex digits that change with everything, besides the content, that decides a
    video's keyframes: config, version and speed."""
    settings = identity(config)  # pyright: ignore[reportArgumentType] (frozen models do hash)
    return hashlib.sha256(f"{settings} {row.speed!r}".encode()).hexdigest()[:12]


def _record_error(dataset: Dataset, outcome: VideoOutcome, error: Exception) -> VideoOutcome:
    """Writes and returns the outcome of a source whose ingest raised an error."""
    if isinstance(error, Unreachable):
        return record_without_keyframes(dataset, outcome, "failed", error.reason, error.detail)
    if isinstance(error, Refusal):
        return record_without_keyframes(dataset, outcome, "refused", error.reason, error.detail)
    reason = "out-of-memory" if isinstance(error, MemoryError) else "exception"
    problem = storage_error(error, dataset.root) if isinstance(error, OSError) else None
    if problem is None:
        return record_without_keyframes(dataset, outcome, "failed", reason, _described(error))
    return outcome.model_copy(
        update={"status": "failed", "reason": STORAGE, "detail": str(problem)}
    )


def record_without_keyframes(
    dataset: Dataset, outcome: VideoOutcome, status: str, reason: str, detail: str
) -> VideoOutcome:
    """Writes and returns the outcome of a source without keyframes.

    If the output cannot be written, the outcome says so (reason `STORAGE`).
    """
    closed = outcome.model_copy(update={"status": status, "reason": reason, "detail": detail})
    try:
        return write_unkept(dataset, closed)
    except OSError as error:
        problem = storage_error(error, dataset.root)
        if problem is None:
            raise
        return closed.model_copy(
            update={"status": "failed", "reason": STORAGE, "detail": str(problem)}
        )


def _described(error: Exception) -> str:
    """Returns the error and the file and line of this package that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "ingest" in Path(frame.filename).parts] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown place"
    return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:300]}"
