"""Writes ``DATASET/labels.html``: every pair with mask and instruction, and label statistics.

The page is one self-contained file: thumbnails are data URIs.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import Field

from ingest.conventions.atomic import write_bytes
from ingest.conventions.config import Config
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, resize_short_side
from ingest.ledger.outcome import VideoOutcome
from labeling.corrections.corrections import Correction, effective_corrections, read_corrections
from labeling.corrections.human_masks import effective_region, human_mask_hash
from labeling.instructions.normalisation import normalise
from labeling.instructions.table import Instruction, read_table
from labeling.pairs import Pair, read_pairs
from labeling.regions.record import StoredRegion
from labeling.regions.regions import read_regions
from labeling.review.index import ReviewIndex
from labeling.review.spreadsheet_export import overlay

CONFIDENCE_BINS = 10
"""Bins of the histogram of confidences over [0, 1]."""
MAX_INSTRUCTIONS = 24
"""Instructions in the bar chart, most frequent first."""


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
    """The effective instruction, by a person or the machine."""
    machine: str
    """The machine's instruction."""
    labeler: str
    """Who gave the effective instruction: ``rule-2``, ``human: Ann``."""
    verdict: str
    """accept, correct or reject by a person; empty without a decision."""
    confidence: float
    """The machine's confidence, in [0, 1]."""
    interval_s: float
    time_s: float
    """Time of the next canvas in the video."""
    area: float
    """Share of the canvas in the machine's mask."""
    pictures: tuple[str, str, str]
    """Data URIs of the current canvas, the next one, and the next one faded outside the mask."""


@dataclass(frozen=True)
class VideoStrip:
    """A video's pairs in painting order, and its finished painting."""

    video_id: str
    uri: str
    target: str
    """Data URI of the finished painting."""
    pairs: list[PairCard]


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart."""

    name: str
    count: int
    share: float
    """Length relative to the longest bar, in [0, 1]."""


def write_report(dataset: Dataset, config: ReportConfig) -> Path:
    """Write the page and return its path.

    Raises:
        UserError: there is no table of instructions, or a video has no region masks.
    """
    table, decisions = read_table(dataset), effective_corrections(read_corrections(dataset))
    statistics, strips, num_shown = _Statistics(), [], 0
    for video_id in dataset.video_ids():
        outcome, pairs = read_pairs(dataset, video_id)
        labeled = _labeled_pairs(pairs, read_regions(dataset, video_id), table, decisions)
        statistics.add(labeled)
        if labeled and (not strips or num_shown + len(labeled) <= config.max_pairs):
            num_shown += len(labeled)
            strips.append(_strip(dataset, outcome, labeled, config.thumbnail_px))
    path = dataset.root / "labels.html"
    write_bytes(path, _render(dataset, statistics, strips).encode())
    return path


@dataclass(frozen=True)
class _LabeledPair:
    """A pair with its labels."""

    pair: Pair
    region: StoredRegion
    """The machine's region."""
    label: Instruction
    decision: Correction | None
    """The correction in force, if there is one."""


@dataclass
class _Statistics:
    """Labels of all pairs of a dataset, without their images."""

    labels: list[tuple[Instruction, Correction | None]] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    """Share of the canvas in each machine mask."""
    intervals_s: list[float] = field(default_factory=list)

    def add(self, pairs: Sequence[_LabeledPair]) -> None:
        """Count the pairs of one video."""
        self.labels += [(pair.label, pair.decision) for pair in pairs]
        self.areas += [pair.region.record.mask_area for pair in pairs]
        self.intervals_s += [pair.pair.interval_s for pair in pairs]


def _labeled_pairs(
    pairs: Sequence[Pair],
    regions: Mapping[str, StoredRegion],
    table: Mapping[str, Instruction],
    decisions: Mapping[tuple[str, str], Correction],
) -> list[_LabeledPair]:
    """The pairs of a video that have a region and an instruction of their current images."""
    return [
        _LabeledPair(
            pair,
            regions[pair.pair_id],
            label,
            decisions.get((pair.pair_id, pair.content_hash)),
        )
        for pair in pairs
        if (label := table.get(pair.pair_id)) is not None
        and label.content_hash == pair.content_hash
        and pair.pair_id in regions
    ]


def _strip(
    dataset: Dataset, outcome: VideoOutcome, pairs: Sequence[_LabeledPair], side_px: int
) -> VideoStrip:
    """A video's row of cards; thumbnails have a short side of `side_px`."""
    video_id = pairs[0].pair.video_id
    cards = []
    for item in pairs:
        mask_hash = human_mask_hash(item.decision)
        region = effective_region(dataset, video_id, item.region, mask_hash)
        cards.append(_card(item.pair, region, item.label, item.decision, side_px))
    target = _data_uri(pairs[-1].pair.target.image(), side_px)
    return VideoStrip(video_id, outcome.uri, target, cards)


def _render(dataset: Dataset, statistics: _Statistics, strips: Sequence[VideoStrip]) -> str:
    """The page as HTML."""
    labels = statistics.labels
    texts = Counter(_instruction(label, decision) for label, decision in labels)
    environment = Environment(
        loader=PackageLoader("labeling", "."), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("labels.html.j2").render(
        name=dataset.root.resolve().name,
        num_pairs=len(labels),
        num_videos=len(dataset.video_ids()),
        num_shown=sum(len(strip.pairs) for strip in strips),
        labelers=Counter(label.labeler for label, _ in labels).most_common(),
        verdicts=Counter(decision.verdict for _, decision in labels if decision),
        texts=_bars(texts.most_common(MAX_INSTRUCTIONS)),
        num_texts=len(texts),
        confidences=_histogram([label.confidence for label, _ in labels]),
        median_interval_s=float(np.median(statistics.intervals_s)) if labels else 0.0,
        mean_area=float(np.mean(statistics.areas)) if labels else 0.0,
        videos=strips,
        agreement=ReviewIndex(dataset).agreement(),
    )


def _card(
    pair: Pair,
    region: StoredRegion,
    label: Instruction,
    decision: Correction | None,
    side_px: int,
) -> PairCard:
    """The card of one pair; `region` is the effective one."""
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
            _data_uri(pair.current.image(), side_px),
            _data_uri(following, side_px),
            _data_uri(overlay(following, mask), side_px),
        ),
    )


def _instruction(label: Instruction, decision: Correction | None) -> str:
    """The effective instruction as the page shows it."""
    if decision is None:
        return label.text or ("(unsure)" if label.is_unsure else "(nothing)")
    return "(rejected)" if decision.verdict == "reject" else normalise(decision.instruction)


def _data_uri(image: np.ndarray, side_px: int) -> str:
    """An RGB uint8 (H, W, 3) image as a JPEG data URI with a short side of `side_px`."""
    data = encode_image(resize_short_side(image, side_px), "jpg", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    highest = max((count for _, count in counts), default=1) or 1
    return [Bar(name, count, count / highest) for name, count in counts]


def _histogram(confidences: Sequence[float]) -> list[Bar]:
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    counts, _ = np.histogram(confidences, edges)
    names = [f"{low:.1f}" for low in edges[:-1]]
    return _bars(list(zip(names, counts.tolist(), strict=True)))
