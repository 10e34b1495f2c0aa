"""Exports labels to a CSV for reviewers, least confident first, and a folder of thumbnails.

`labeling.review.spreadsheet_import` imports the corrected file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field

from ingest.conventions.atomic import write_bytes
from ingest.conventions.config import Config
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, resize_short_side
from ingest.format.spreadsheet import to_csv
from labeling.corrections.corrections import Correction, effective_corrections, read_corrections
from labeling.corrections.human_masks import effective_region, human_mask_hash
from labeling.instructions.table import Instruction, read_table
from labeling.pairs import Pair, read_pairs
from labeling.regions.regions import read_regions
from labeling.review.rows import label_hash
from labeling.review.typed_entries import protect_sheet

COLUMNS = (
    "pair_id", "video", "time_s", "current", "next", "target", "mask", "machine_label",
    "confidence", "corrected", "verdict", "note", "reviewer", "in_force", "content_hash",
    "label_hash",
)  # fmt: skip
"""Columns of the CSV, in order; reviewers fill in corrected, verdict, note and reviewer."""


class ReviewConfig(Config):
    """The spreadsheet for reviewers."""

    thumbnail_px: int = Field(default=160, ge=32, le=1024)
    """Short side of the thumbnails in pixels."""


def export_review(dataset: Dataset, file: Path, config: ReviewConfig) -> tuple[int, int]:
    """Write the CSV and its thumbnails (``<name>_images/`` beside it).

    Returns:
        Number of pairs in the CSV, and number of pairs left out because they have no labels of
        their current images.

    Raises:
        UserError: the file exists and holds what a person typed and the log lacks.
    """
    protect_sheet(dataset, file, COLUMNS)
    table, decisions = read_table(dataset), effective_corrections(read_corrections(dataset))
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
            decision = decisions.get((pair.pair_id, pair.content_hash))
            region = effective_region(dataset, video_id, region, human_mask_hash(decision))
            mask, _ = region.masks(str(dataset.regions_tar(video_id)))
            thumbnails = _thumbnails(pair, mask, images, config.thumbnail_px)
            names = {n: f"{images.name}/{path.name}" for n, path in thumbnails.items()}
            rows.append(names | _row(pair, label, decision))
    rows.sort(key=lambda row: (bool(row["in_force"]), float(row["confidence"]), row["pair_id"]))
    write_bytes(file, to_csv(COLUMNS, rows, bom=True))
    return len(rows), num_unlabeled


def _row(pair: Pair, label: Instruction, decision: Correction | None) -> dict[str, str]:
    """The cells of a pair, without its thumbnails."""
    return {
        "pair_id": pair.pair_id,
        "video": pair.video_id,
        "time_s": f"{pair.next.reference.time_s:.1f}",
        "machine_label": label.text,
        "confidence": f"{label.confidence:.3f}",
        "content_hash": pair.content_hash,
        "label_hash": label_hash(label),
        "in_force": (decision.instruction or "(rejected)") if decision else "",
    }


def _thumbnails(pair: Pair, mask: np.ndarray, folder: Path, side_px: int) -> dict[str, Path]:
    """Write JPEGs of the three canvases and of the next canvas faded outside the mask.

    Returns:
        Their paths by column: current, next, target, mask.
    """
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
        # Named by content, because pairs share canvases.
        stem = canvas.reference.sha256[:20] if canvas else f"{pair.content_hash[:20]}-mask"
        paths[name] = folder / f"{stem}.jpg"
        if not paths[name].is_file() or canvas is None:
            small = resize_short_side(picture, side_px)
            write_bytes(paths[name], encode_image(small, "jpg", quality=85))
    return paths


def overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image, RGB uint8 (H, W, 3), faded to light grey outside the mask, bool (H, W)."""
    grey = image.mean(axis=2, keepdims=True)
    faded = np.broadcast_to(225 + (grey - 128) * 0.15, image.shape)
    return np.where(mask[..., None], image, faded.clip(0, 255)).astype(np.uint8)
