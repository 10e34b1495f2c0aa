"""One source in, its keyframes on disk and its outcome out: the row function of ingest."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass
from pathlib import Path

import cv2

from ingest import __version__
from ingest.conventions.errors import Refusal, Unreachable, storage_error
from ingest.execution.zygote import note
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.standing import standing_outcome
from ingest.ledger.stored import nameless_id, write_unkept, write_video
from ingest.ledger.tombstones import refuse_purged
from ingest.per_source.pictures_to_keyframes import holds_keyframes, import_folder
from ingest.per_source.video_to_keyframes import ingest_footage
from ingest.settings import IngestConfig, identity
from ingest.sources.copies import local_copy, remote_stamp
from ingest.sources.discover import SourceRow, content_id, split_of
from ingest.sources.stamp import stamp_of

STORAGE = "storage"
"""Reason of an outcome that is not recorded: the output cannot be written, the run has to stop."""


@dataclass(frozen=True)
class Worked:
    """What came of one source."""

    outcome: VideoOutcome
    stamp: str = ""
    """`ingest.sources.stamp.stamp_of` the source before it was read."""
    worked: bool = True
    """False where the outcome of an earlier run stands."""


@dataclass(frozen=True)
class Known:
    """What an earlier run found out about a source."""

    stamp: str
    video_id: str


@dataclass(frozen=True)
class IngestVideo:
    """The row function: reads one source, writes its keyframes, preview and outcome into `root`.

    It never raises for a bad source: refusals and unforeseen errors are outcomes too. Only an
    output that cannot be written gives an outcome that is not recorded (reason `STORAGE`).
    An object and not a closure, so that it can be sent to another process.
    """

    config: IngestConfig
    root: Path
    retry_failed: bool = False
    """Work on sources whose earlier outcome is `failed`."""

    def __call__(self, row: SourceRow) -> VideoOutcome:
        return self.work(row).outcome

    def standing(self, row: SourceRow, known: Known | None, stamp: str) -> VideoOutcome | None:
        """The outcome that an earlier run left, if the source has not changed since; not read."""
        if known is None or not stamp or known.stamp != stamp:
            return None
        return self._holds(row, known.video_id)

    def work(self, row: SourceRow, known: Known | None = None) -> Worked:
        """Like calling it; tells also whether anything had to be done."""
        # Videos are worked on side by side: one thread each is faster, and the same everywhere.
        cv2.setNumThreads(1)
        dataset = Dataset(self.root)
        # The driver asks no server: a rerun asks here, for the stamp, and fetches nothing.
        stamp = stamp_of(row) or remote_stamp(row, self.config.remote)
        standing = self.standing(row, known, stamp)
        if standing is not None:
            return Worked(standing, stamp, worked=False)
        outcome = start_outcome(row, self.config)
        try:
            with local_copy(row, self.config.remote) as local:
                outcome = identified(outcome, local, self.config)
                note(Worked(outcome, stamp))
                standing = self._holds(row, outcome.video_id)
                if standing is not None:
                    return Worked(standing, stamp, worked=False)
                refuse_purged(dataset, outcome.video_id)
                make = import_folder if holds_keyframes(local.path) else ingest_footage
                return Worked(write_video(dataset, make(local, outcome, self.config)), stamp)
        except Unreachable as failure:
            # Without a stamp it does not stand: the next run tries again.
            closed = close(dataset, outcome, "failed", failure.reason, failure.detail)
            return Worked(closed)
        except Refusal as refusal:
            closed = close(dataset, outcome, "refused", refusal.reason, refusal.detail)
        except MemoryError as error:
            closed = close(dataset, outcome, "failed", "out-of-memory", _told(error))
        except OSError as error:
            problem = storage_error(error, dataset.root)
            if problem is None:
                closed = close(dataset, outcome, "failed", "exception", _told(error))
            else:
                update = {"status": "failed", "reason": STORAGE, "detail": str(problem)}
                closed = outcome.model_copy(update=update)
        except Exception as error:
            closed = close(dataset, outcome, "failed", "exception", _told(error))
        return Worked(closed, stamp)

    def _holds(self, row: SourceRow, video_id: str) -> VideoOutcome | None:
        identity = row_identity(row, self.config)
        return standing_outcome(Dataset(self.root), video_id, row.uri, identity, self.retry_failed)


def make_ingest_video(config: IngestConfig, root: Path | str) -> IngestVideo:
    """The row function of a dataset folder."""
    return IngestVideo(config, Path(root))


def start_outcome(row: SourceRow, config: IngestConfig) -> VideoOutcome:
    """The outcome of a row before anything is known of its content."""
    return VideoOutcome(
        video_id=nameless_id("missing", row.uri),
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


def identified(outcome: VideoOutcome, row: SourceRow, config: IngestConfig) -> VideoOutcome:
    """The outcome with its content id, painting and split. Raises Refusal: missing."""
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
    """Changes with everything, besides the content, that decides a video's keyframes."""
    settings = identity(config)  # pyright: ignore[reportArgumentType] (frozen models do hash)
    return hashlib.sha256(f"{settings} {row.speed!r}".encode()).hexdigest()[:12]


def close(
    dataset: Dataset, outcome: VideoOutcome, status: str, reason: str, detail: str
) -> VideoOutcome:
    """Record why a source gives no keyframes, unless the output cannot be written."""
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


def _told(error: Exception) -> str:
    """The error and the line of ours that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "ingest" in Path(frame.filename).parts] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown place"
    return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:300]}"
