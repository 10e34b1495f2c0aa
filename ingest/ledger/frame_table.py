"""Writes and reads the table of sampled frames of a video: ``keyframes/<video_id>.frames.parquet``.

It has a row for every sampled frame, with its fate.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset

SCHEMA = pa.schema(
    [
        pa.field("frame_index", pa.int32()),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("keyframes", pa.list_(pa.field("element", pa.int32(), nullable=False))),
    ]
)


PARQUET_MARK = b"PAR1"
"""Begin and end of every Parquet file."""


@dataclass(frozen=True)
class FrameFate:
    """One sampled frame, and whether keyframes use it or why not."""

    index: int | None
    """Frame of the source video, from 0; None for imported pictures."""
    time_s: float
    """Seconds, as in the keyframes: time in the video, times `speed` of the manifest."""
    reason: str = ""
    """A key of `ingest.ledger.reasons.FRAME_REASONS`; empty if the frame is used."""
    keyframes: tuple[int, ...] = ()
    """Keyframes that take pixels from it, ascending; empty if it was dropped."""


def drop_counts(fates: Iterable[FrameFate]) -> dict[str, int]:
    """Number of frames that no keyframe uses, by reason."""
    return dict(sorted(Counter(fate.reason for fate in fates if fate.reason).items()))


def write_frames(dataset: Dataset, video_id: str, fates: list[FrameFate]) -> None:
    """Write the table of one video; equal fates give equal bytes."""
    table = pa.Table.from_pydict(
        {
            "frame_index": [fate.index for fate in fates],
            "time_s": [fate.time_s for fate in fates],
            "reason": [fate.reason for fate in fates],
            "keyframes": [list(fate.keyframes) for fate in fates],
        },
        schema=SCHEMA,
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", store_schema=False)
    write_bytes(dataset.frames_parquet(video_id), buffer.getvalue())


def is_whole_table(path: Path) -> bool:
    """Whether a Parquet file has both its marks: one that was cut short lacks the last."""
    with path.open("rb") as file:
        head = file.read(len(PARQUET_MARK))
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - len(PARQUET_MARK)))
        return head == file.read() == PARQUET_MARK


def read_frames(dataset: Dataset, video_id: str) -> list[FrameFate]:
    """The fates of the sampled frames of a kept video, in order of time.

    Raises:
        UserError: the table is missing or damaged.
    """
    path = dataset.frames_parquet(video_id)
    try:
        rows = pq.read_table(path, columns=SCHEMA.names).to_pylist()
    except (OSError, pa.ArrowException, ValueError) as error:
        problem = "not found" if not path.exists() else f"damaged ({str(error)[:120]})"
        raise UserError(
            f"{path} is {' '.join(problem.split())}: delete {dataset.outcome_json(video_id).name} "
            "beside it and run `python -m ingest` on that video again"
        ) from error
    return [
        FrameFate(row["frame_index"], row["time_s"], row["reason"], tuple(row["keyframes"]))
        for row in rows
    ]
