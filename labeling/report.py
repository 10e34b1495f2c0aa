"""``DATASET/labels.html``: every pair with mask and instruction, and what labels there are.

One self-contained file for people: thumbnails are data URIs, so it can be mailed or archived.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import Field

from ingest.conventions.atomic import write_bytes
from ingest.conventions.config import Config
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, resize_short_side
from labeling.corrections.corrections import Correction, in_force, read_corrections
from labeling.corrections.human_masks import mask_of, region_in_force
from labeling.instructions.table import Instruction, read_table
from labeling.instructions.wording import normalise
from labeling.pairs import Pair, read_pairs
from labeling.regions.record import StoredRegion
from labeling.regions.regions import read_regions
from labeling.review.agreement import AgreementReport
from labeling.review.export import overlay
from labeling.review.index import ReviewIndex

CONFIDENCE_BINS = 10


class ReportConfig(Config):
    """The page of labels, `labels.html`."""

    thumbnail_px: int = Field(default=120, ge=32, le=512)
    """Short side of the pictures on the page."""
    max_pairs: int = Field(default=400, ge=1)
    """Pairs shown, whole videos at a time; the statistics are of all. A pair takes about 15 kB."""


@dataclass(frozen=True)
class PairCard:
    """One pair as the page shows it."""

    pair_id: str
    step: str
    """Which canvases: ``k0003 to k0004``."""
    instruction: str
    machine: str
    labeler: str
    verdict: str
    """accept, correct or reject by a person; empty if nobody looked."""
    confidence: float
    interval_s: float
    time_s: float
    area: float
    pictures: tuple[str, str, str]
    """Current canvas, next canvas, next canvas with all but the region faded: data URIs."""


@dataclass(frozen=True)
class VideoStrip:
    """A video's pairs in painting order, and its finished painting."""

    video_id: str
    uri: str
    target: str
    pairs: list[PairCard]


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart; `share` of the longest bar, in [0, 1]."""

    name: str
    count: int
    share: float


def write_report(dataset: Dataset, config: ReportConfig) -> Path:
    """Write the page; returns its path. Raises UserError where a label is missing."""
    table, decided = read_table(dataset), in_force(read_corrections(dataset))
    strips: list[VideoStrip] = []
    said: list[tuple[Instruction, Correction | None]] = []
    areas, intervals, shown = [], [], 0
    for video_id in dataset.video_ids():
        outcome, pairs = read_pairs(dataset, video_id)
        regions = read_regions(dataset, video_id)
        known = [
            pair
            for pair in pairs
            if (label := table.get(pair.pair_id)) is not None
            and label.content_hash == pair.content_hash
            and pair.pair_id in regions
        ]
        for pair in known:
            said.append((table[pair.pair_id], decided.get((pair.pair_id, pair.content_hash))))
            areas.append(regions[pair.pair_id].record.mask_area)
            intervals.append(pair.interval_s)
        if known and (not strips or shown + len(known) <= config.max_pairs):
            shown += len(known)
            cards = [
                _card(
                    pair,
                    region_in_force(
                        dataset,
                        video_id,
                        regions[pair.pair_id],
                        mask_of(decided.get((pair.pair_id, pair.content_hash))),
                    ),
                    table[pair.pair_id],
                    decided.get((pair.pair_id, pair.content_hash)),
                    config.thumbnail_px,
                )
                for pair in known
            ]
            target = _picture(known[-1].target.image(), config.thumbnail_px)
            strips.append(VideoStrip(video_id, outcome.uri, target, cards))
    path = dataset.root / "labels.html"
    texts = Counter(_instruction(label, decision) for label, decision in said)
    environment = Environment(
        loader=PackageLoader("labeling", "."), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("labels.html.j2").render(
        name=dataset.root.resolve().name,
        num_pairs=len(said),
        num_videos=len(dataset.video_ids()),
        num_shown=shown,
        labelers=Counter(label.labeler for label, _ in said).most_common(),
        verdicts=Counter(decision.verdict for _, decision in said if decision),
        texts=_bars(texts.most_common(24)),
        num_texts=len(texts),
        confidences=_histogram([label.confidence for label, _ in said]),
        median_interval_s=float(np.median(intervals)) if intervals else 0.0,
        mean_area=float(np.mean(areas)) if areas else 0.0,
        videos=strips,
        agreement=_agreement(dataset),
    )
    write_bytes(path, page.encode())
    return path


def _agreement(dataset: Dataset) -> AgreementReport:
    """The same numbers that the review page shows."""
    return ReviewIndex(dataset).agreement()


def _card(
    pair: Pair,
    region: StoredRegion,
    label: Instruction,
    decision: Correction | None,
    side_px: int,
) -> PairCard:
    mask, _ = region.masks(f"regions of {pair.video_id}")
    following = pair.next.image()
    return PairCard(
        pair_id=pair.pair_id,
        step=f"{pair.current.name} to {pair.next.name}",
        instruction=_instruction(label, decision),
        machine=label.text,
        labeler=f"human: {decision.reviewer}" if decision else label.labeler,
        verdict=decision.verdict if decision else "",
        confidence=label.confidence,
        interval_s=pair.interval_s,
        time_s=pair.next.reference.time_s,
        area=region.record.mask_area,
        pictures=(
            _picture(pair.current.image(), side_px),
            _picture(following, side_px),
            _picture(overlay(following, mask), side_px),
        ),
    )


def _instruction(label: Instruction, decision: Correction | None) -> str:
    if decision is None:
        return label.text or "(nothing)"
    return "(rejected)" if decision.verdict == "reject" else normalise(decision.instruction)


def _picture(image: np.ndarray, side_px: int) -> str:
    data = encode_image(resize_short_side(image, side_px), "jpg", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max((count for _, count in counts), default=1) or 1
    return [Bar(name, count, count / most) for name, count in counts]


def _histogram(confidences: Sequence[float]) -> list[Bar]:
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    counts, _ = np.histogram(confidences, edges)
    names = [f"{low:.1f}" for low in edges[:-1]]
    return _bars(list(zip(names, counts.tolist(), strict=True)))
