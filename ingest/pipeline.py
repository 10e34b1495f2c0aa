"""The run: discover, ingest every source on Ray, write the ledger and the report.

The order in which videos finish decides nothing: outputs are named by content and the ledger is
sorted. A source whose outcome stands already, made by the same config, is not touched again.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ingest.atomic import remove_stale_temporaries, write_bytes
from ingest.config import to_yaml
from ingest.dataset import Dataset
from ingest.discover import BadRow, Row, SourceRow, discover
from ingest.errors import Refusal, UserError, storage_error
from ingest.outcome import VideoOutcome, read_outcome
from ingest.ray_tasks import TaskFailure, run_tasks
from ingest.report import write_report
from ingest.settings import IngestConfig
from ingest.stored import nameless_id, write_outcome, write_unkept
from ingest.video import STORAGE, identified, make_ingest_video, start_outcome

Listener = Callable[[VideoOutcome, bool], None]
"""Told of every outcome; the flag says that it stood already."""


@dataclass
class RunResult:
    """What a run did. Counts are of the sources that this run was given."""

    outcomes: list[VideoOutcome] = field(default_factory=list)
    num_skipped: int = 0

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(outcome.status for outcome in self.outcomes).items()))

    def reasons(self) -> dict[str, int]:
        found = Counter(o.reason for o in self.outcomes if o.status != "kept")
        return dict(sorted(found.items()))

    def frame_funnel(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for outcome in self.outcomes:
            total.update(outcome.dropped)
        return dict(sorted(total.items()))

    def failed_share(self) -> float:
        failed = sum(outcome.status == "failed" for outcome in self.outcomes)
        return failed / max(1, len(self.outcomes))


def run(
    inputs: list[str],
    root: Path,
    config: IngestConfig,
    address: str | None = None,
    listen: Listener = lambda outcome, stood: None,
) -> RunResult:
    """Ingest everything that `inputs` name into the dataset folder `root`.

    Raises:
        UserError: unusable inputs, or an output that cannot be written.
    """
    dataset, result = Dataset(root), RunResult()
    _prepare(dataset, config)

    def note(outcome: VideoOutcome, stood: bool = False) -> None:
        if outcome.reason == STORAGE:
            raise UserError(outcome.detail)
        result.outcomes.append(outcome)
        result.num_skipped += stood
        listen(outcome, stood)

    todo = _todo(discover(inputs), dataset, config, note)
    first = next(todo, None)
    if first is not None:
        # Ray starts only when there is work: a rerun of a finished dataset is quick.
        work = _chain(first, todo)
        for done in run_tasks(make_ingest_video(config, root), work, config.run, address):
            outcome = done.result
            if isinstance(outcome, TaskFailure):
                outcome = _record_failure(dataset, done.item, outcome, config)
            note(outcome)
    write_ledger(dataset)
    write_report(dataset)
    result.outcomes.sort(key=lambda outcome: (outcome.video_id, outcome.uri))
    return result


def read_outcomes(dataset: Dataset) -> list[VideoOutcome]:
    """Outcomes of all sources that the dataset has seen, sorted by id."""
    return [read_outcome(dataset, path.stem) for path in sorted(dataset.keyframes.glob("*.json"))]


def write_ledger(dataset: Dataset) -> None:
    """`videos.parquet`: one row a source, sorted by video id; the same outcomes, the same bytes."""
    rows = []
    for outcome in read_outcomes(dataset):
        row = outcome.model_dump(mode="json")
        span = row.pop("span_s") or (None, None)
        row["span_start_s"], row["span_end_s"] = span
        row["warnings"] = "\n".join(row["warnings"])
        row["dropped"] = json.dumps(row["dropped"], sort_keys=True)
        rows.append(row)
    columns = [name for name in VideoOutcome.model_fields if name != "span_s"]
    table = pd.DataFrame(rows, columns=[*columns, "span_start_s", "span_end_s"])
    buffer = io.BytesIO()
    table.astype(
        dict.fromkeys(("duration_s", "fps", "span_start_s", "span_end_s"), "float64")
        | dict.fromkeys(("width_px", "height_px"), "Int64")
    ).to_parquet(buffer, index=False)
    write_bytes(dataset.videos_parquet, buffer.getvalue())


def _prepare(dataset: Dataset, config: IngestConfig) -> None:
    """Make sure that the output can be written, before any work is done."""
    try:
        dataset.keyframes.mkdir(parents=True, exist_ok=True)
        remove_stale_temporaries(dataset.root)
        write_bytes(dataset.config_yaml("ingest"), to_yaml(config, "ingest").encode())
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            raise UserError(f"{dataset.root} is a file: give a folder for the dataset") from error
        raise storage_error(error, dataset.root) or error from error


def _todo(
    rows: Iterable[Row], dataset: Dataset, config: IngestConfig, note: Callable[..., None]
) -> Iterator[SourceRow]:
    """Rows that need work; all others are noted (bad, missing, given twice, done before)."""
    first_uri: dict[str, str] = {}
    for row in rows:
        if isinstance(row, BadRow):
            note(_record_bad_row(dataset, row, config))
            continue
        outcome = start_outcome(row, config)
        try:
            outcome = identified(outcome, row, config)
        except Refusal as refusal:
            update = {"status": "refused", "reason": refusal.reason, "detail": refusal.detail}
            note(write_unkept(dataset, outcome.model_copy(update=update)))
            continue
        video_id = outcome.video_id
        if video_id in first_uri:
            note(_record_duplicate(dataset, outcome, first_uri[video_id]))
            continue
        first_uri[video_id] = row.uri
        standing = _standing(dataset, outcome)
        if standing is None:
            yield row
        else:
            note(standing, True)


def _standing(dataset: Dataset, outcome: VideoOutcome) -> VideoOutcome | None:
    """The outcome of an earlier run if it still holds, with what the manifest says now."""
    if not dataset.outcome_json(outcome.video_id).is_file():
        return None
    try:
        before = read_outcome(dataset, outcome.video_id)
    except UserError:
        return None
    tar_is_there = dataset.keyframes_tar(outcome.video_id).is_file()
    if before.config_hash != outcome.config_hash or before.status == "failed":
        return None
    if before.status == "kept" and not tar_is_there:
        return None
    told = {name: getattr(outcome, name) for name in _FROM_MANIFEST}
    now = before.model_copy(update=told)
    if now != before:
        write_outcome(dataset, now)
    return now


_FROM_MANIFEST = ("uri", "painting_id", "licence", "source", "split")


def _record_bad_row(dataset: Dataset, row: BadRow, config: IngestConfig) -> VideoOutcome:
    outcome = start_outcome(SourceRow(uri=row.uri), config)
    update = {"status": "refused", "reason": row.reason, "detail": row.detail}
    return write_unkept(dataset, outcome.model_copy(update=update))


def _record_duplicate(dataset: Dataset, outcome: VideoOutcome, first: str) -> VideoOutcome:
    update = {
        "video_id": nameless_id("duplicate", outcome.uri),
        "status": "refused",
        "reason": "duplicate",
        "detail": f"{outcome.uri} has the same bytes as {first}, which was taken",
    }
    return write_unkept(dataset, outcome.model_copy(update=update))


def _record_failure(
    dataset: Dataset, row: SourceRow, failure: TaskFailure, config: IngestConfig
) -> VideoOutcome:
    outcome = identified(start_outcome(row, config), row, config)
    update = {"status": "failed", "reason": failure.reason, "detail": failure.detail}
    return write_unkept(dataset, outcome.model_copy(update=update))


def _chain(first: SourceRow, rest: Iterator[SourceRow]) -> Iterator[SourceRow]:
    yield first
    yield from rest
