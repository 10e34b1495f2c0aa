"""Labels out to a spreadsheet, corrections back into the log.

The export lists pairs most doubtful first, with thumbnails beside the file. The import takes the
file back from whatever edited it, decides about every row by itself, says what it decided, and
writes all decisions to the log at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ingest.atomic import write_bytes
from ingest.config import Config
from ingest.dataset import Dataset
from ingest.images import encode_image, resize_short_side
from labeling.corrections import (
    Correction,
    Verdict,
    append_corrections,
    in_force,
    locked_log,
    read_corrections,
)
from labeling.instruction_table import Instruction, read_table
from labeling.instructions import normalise
from labeling.pairs import Pair, read_pairs
from labeling.regions import read_regions
from labeling.spreadsheet import from_csv, to_csv

COLUMNS = (
    "pair_id", "video", "time_s", "current", "next", "target", "mask", "machine_label",
    "confidence", "content_hash", "in_force", "corrected", "verdict", "note", "reviewer",
)  # fmt: skip
REQUIRED = ("pair_id", "content_hash", "machine_label", "corrected", "verdict")

Status = Literal["applied", "unchanged", "stale", "unknown", "conflicting", "invalid"]
"""applied: written to the log. unchanged: nothing entered, or said before. stale: images or machine
label changed since the export. unknown: no such pair. conflicting: another reviewer, or another row
of this file, says otherwise. invalid: the row contradicts itself or lacks something."""
DONE: tuple[Status, ...] = ("applied", "unchanged")

_VERDICTS: dict[str, Verdict | Literal[""]] = {
    "": "", "accept": "accept", "accepted": "accept", "ok": "accept", "correct": "correct",
    "reject": "reject", "rejected": "reject",
}  # fmt: skip


class ReviewConfig(Config):
    """The spreadsheet for reviewers."""

    thumbnail_px: int = Field(default=160, ge=32, le=1024)
    """Short side of the thumbnails beside the CSV."""


@dataclass(frozen=True)
class RowReport:
    """What became of one row of an imported file."""

    line: int
    """Line of the CSV as a spreadsheet counts them; the header is line 1."""
    pair_id: str
    status: Status
    detail: str


def export_review(dataset: Dataset, file: Path, config: ReviewConfig) -> tuple[int, int]:
    """Write the CSV and its thumbnails (``<name>_images/`` beside it).

    Returns:
        How many pairs are in it, and how many are not because they have no labels (or labels of
        other images).
    """
    table, decided = read_table(dataset), in_force(read_corrections(dataset))
    images = file.with_name(f"{file.stem}_images")
    rows, num_unlabeled = [], 0
    for video_id in dataset.video_ids():
        _, pairs = read_pairs(dataset, video_id)
        regions = read_regions(dataset, video_id)
        for pair in pairs:
            label = table.get(pair.pair_id)
            region = regions.get(pair.pair_id)
            if label is None or label.content_hash != pair.content_hash or region is None:
                num_unlabeled += 1
                continue
            mask, _ = region.masks(str(dataset.regions_tar(video_id)))
            thumbnails = _thumbnails(pair, mask, images, config.thumbnail_px)
            decision = decided.get((pair.pair_id, pair.content_hash))
            rows.append(
                {
                    **{n: f"{images.name}/{path.name}" for n, path in thumbnails.items()},
                    "pair_id": pair.pair_id,
                    "video": pair.video_id,
                    "time_s": f"{pair.next.reference.time_s:.1f}",
                    "machine_label": label.text,
                    "confidence": f"{label.confidence:.3f}",
                    "content_hash": pair.content_hash,
                    "in_force": (decision.instruction or "(rejected)") if decision else "",
                }
            )
    rows.sort(key=lambda row: (bool(row["in_force"]), float(row["confidence"]), row["pair_id"]))
    write_bytes(file, to_csv(COLUMNS, rows, bom=True))
    return len(rows), num_unlabeled


def import_review(
    dataset: Dataset, file: Path, reviewer: str = "", overrule: bool = False
) -> list[RowReport]:
    """Take decisions from a CSV into the log, all at once.

    Args:
        reviewer: name for rows whose reviewer cell is empty.
        overrule: let this file win over what other reviewers said.

    Raises:
        UserError: the file as a whole cannot be read; nothing is written then.
    """
    rows = from_csv(file.read_bytes(), file, REQUIRED)
    table = read_table(dataset)
    contents = _contents(dataset, {row.get("pair_id", "") for row in rows}, table)
    with locked_log(dataset):
        decided = in_force(read_corrections(dataset))
        reports, new = [], {}
        for line, row in enumerate(rows, start=2):
            if not row:
                continue
            judged = _judge(row, table, contents, reviewer)
            if isinstance(judged, Correction):
                status, detail = _merge(judged, new, decided, overrule)
                if status == "applied":
                    new[judged.pair_id] = judged
            else:
                status, detail = judged
            reports.append(RowReport(line, row.get("pair_id", ""), status, detail))
        if new:
            append_corrections(dataset, new.values())
    return reports


def _judge(
    row: dict[str, str], table: dict[str, Instruction], contents: dict[str, str], reviewer: str
) -> Correction | tuple[Status, str]:
    """The decision in a row, or why there is none."""
    pair_id, typed, note = (row.get(name, "") for name in ("pair_id", "corrected", "note"))
    verdict = _VERDICTS.get(row.get("verdict", "").casefold())
    if verdict is None:
        return "invalid", f"verdict {row['verdict']!r}, expected accept, correct, reject or nothing"
    if not (typed or verdict):
        if note:
            return "invalid", "a note without verdict: accept, correct or reject the pair"
        return "unchanged", "nothing entered"
    if pair_id not in table:
        return "unknown", f"no pair {pair_id!r} in this dataset"
    label = table[pair_id].text
    if row.get("content_hash") != contents.get(pair_id):
        return "stale", "the images changed since the export: export again and look at them"
    if row.get("machine_label", "") != label:
        return "stale", f"the machine label is now {label!r}: export again"
    problem = _contradiction(verdict, typed, label)
    if problem:
        return "invalid", problem
    name = row.get("reviewer", "") or reviewer
    if not name:
        return "invalid", "no reviewer: fill the column, or give --reviewer NAME"
    verdict = verdict or ("accept" if normalise(typed) == label else "correct")
    instruction = {"accept": label, "correct": typed, "reject": ""}[verdict]
    return Correction(pair_id, row["content_hash"], verdict, instruction, name, note, label)


def _contradiction(verdict: str, typed: str, label: str) -> str:
    """What is wrong with a verdict and a typed instruction together; empty if nothing is."""
    if verdict == "reject" and typed:
        return f"rejected and corrected to {typed!r} at once: keep one of the two"
    if verdict == "accept" and typed and normalise(typed) != label:
        return f"accepted and corrected to {typed!r} at once: keep one of the two"
    if verdict == "accept" and not label:
        return "there is no machine label to accept: type one"
    if verdict == "correct" and not typed:
        return "verdict correct without a corrected instruction"
    if typed and not normalise(typed):
        return f"{typed!r} names nothing: write one or two words"
    return ""


def _merge(
    ours: Correction,
    new: dict[str, Correction],
    decided: dict[tuple[str, str], Correction],
    overrule: bool,
) -> tuple[Status, str]:
    """Whether a decision enters the log, given this file's earlier rows and the log."""
    earlier = new.get(ours.pair_id)
    if earlier is not None:
        same = ours.says_the_same(earlier)
        return ("unchanged", "a row above says the same") if same else (
            "conflicting", f"a row above says {_in_words(earlier)}")  # fmt: skip
    known = decided.get((ours.pair_id, ours.content_hash))
    if known is None:
        return "applied", _in_words(ours)
    if ours.says_the_same(known):
        return "unchanged", f"{known.reviewer} said so before"
    if known.reviewer != ours.reviewer and not overrule:
        return (
            "conflicting",
            f"{known.reviewer} said {_in_words(known)} (see --overrule)",
        )
    return "applied", f"{_in_words(ours)}, before: {_in_words(known)}"


def _contents(dataset: Dataset, wanted: set[str], table: dict[str, Instruction]) -> dict[str, str]:
    """Content hash of the pairs that a file names, from the keyframes as they are now."""
    videos = sorted({table[pair_id].video_id for pair_id in wanted if pair_id in table})
    present = [video_id for video_id in videos if dataset.outcome_json(video_id).is_file()]
    return {
        pair.pair_id: pair.content_hash
        for video_id in present
        for pair in read_pairs(dataset, video_id)[1]
    }


def _in_words(correction: Correction) -> str:
    return "reject" if correction.verdict == "reject" else repr(correction.instruction)


def _thumbnails(pair: Pair, mask: np.ndarray, folder: Path, side_px: int) -> dict[str, Path]:
    """Small JPEGs of the three canvases and of the mask over the next one."""
    following = pair.next.image()
    pictures = {
        "current": pair.current.image(),
        "next": following,
        "target": pair.target.image(),
        "mask": overlay(following, mask),
    }
    paths = {}
    for name, picture in pictures.items():
        canvas = getattr(pair, name, None)
        # Canvases are shared between pairs, so their thumbnails are too.
        stem = canvas.reference.sha256[:20] if canvas else f"{pair.content_hash[:20]}-mask"
        paths[name] = folder / f"{stem}.jpg"
        if not paths[name].is_file() or canvas is None:
            small = resize_short_side(picture, side_px)
            write_bytes(paths[name], encode_image(small, "jpg", quality=85))
    return paths


def overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with everything outside the mask (H, W) faded, RGB uint8 (H, W, 3)."""
    grey = image.mean(axis=2, keepdims=True)
    faded = np.broadcast_to(225 + (grey - 128) * 0.15, image.shape)
    return np.where(mask[..., None], image, faded.clip(0, 255)).astype(np.uint8)


def count_by_status(reports: Iterable[RowReport]) -> dict[str, int]:
    """Number of rows by status, in the order of `Status`."""
    order: Sequence[Status] = (
        "applied", "unchanged", "stale", "unknown", "conflicting", "invalid",
    )  # fmt: skip
    rows = list(reports)
    return {status: sum(row.status == status for row in rows) for status in order}
