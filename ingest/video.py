"""One source in, its keyframes on disk and its outcome out: the row function of ingest."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable
from pathlib import Path

import cv2

from ingest import __version__
from ingest.dataset import Dataset
from ingest.discover import SourceRow, content_id, split_of
from ingest.errors import Refusal, storage_error
from ingest.footage import ingest_footage
from ingest.imported import import_folder
from ingest.outcome import VideoOutcome
from ingest.settings import IngestConfig, identity
from ingest.stored import nameless_id, write_unkept, write_video

STORAGE = "storage"
"""Reason of an outcome that is not recorded: the output cannot be written, the run has to stop."""


def make_ingest_video(
    config: IngestConfig, root: Path | str
) -> Callable[[SourceRow], VideoOutcome]:
    """The row function: reads one source, writes its keyframes, preview and outcome into `root`.

    It never raises for a bad source: refusals and unforeseen errors are outcomes too. Only an
    output that cannot be written gives an outcome that is not recorded (reason `STORAGE`).
    """
    dataset = Dataset(root)

    def ingest_video(row: SourceRow) -> VideoOutcome:
        # Videos are worked on side by side: one thread each is faster, and the same everywhere.
        cv2.setNumThreads(1)
        outcome = start_outcome(row, config)
        try:
            outcome = identified(outcome, row, config)
            work = import_folder if row.path.is_dir() else ingest_footage
            return write_video(dataset, work(row, outcome, config))
        except Refusal as refusal:
            return _close(dataset, outcome, "refused", refusal.reason, refusal.detail)
        except OSError as error:
            problem = storage_error(error, dataset.root)
            if problem is None:
                return _close(dataset, outcome, "failed", "exception", _told(error))
            return outcome.model_copy(
                update={"status": "failed", "reason": STORAGE, "detail": str(problem)}
            )
        except Exception as error:
            return _close(dataset, outcome, "failed", "exception", _told(error))

    return ingest_video


def start_outcome(row: SourceRow, config: IngestConfig) -> VideoOutcome:
    """The outcome of a row before anything is known of its content."""
    return VideoOutcome(
        video_id=nameless_id("missing", row.uri),
        uri=row.uri,
        painting_id=row.painting,
        licence=row.licence,
        source=row.source,
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
        update={"video_id": video_id, "painting_id": painting, "split": split}
    )


def row_identity(row: SourceRow, config: IngestConfig) -> str:
    """Changes with everything, besides the content, that decides a video's keyframes."""
    return hashlib.sha256(f"{identity(config)} {row.speed!r}".encode()).hexdigest()[:12]


def _close(
    dataset: Dataset, outcome: VideoOutcome, status: str, reason: str, detail: str
) -> VideoOutcome:
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
