"""Writes `report.html` of a dataset: counts of all sources, cards of selected videos."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2

from ingest import __version__
from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, read_outcome, tell_left_out
from ingest.ledger.reasons import FRAME_REASONS, VIDEO_REASONS
from ingest.report.cards import (
    MAX_SUSPECTS,
    MAX_THUMBNAILS,
    NEAR_DUPLICATE,
    SUSPECT_PX,
    Suspect,
    VideoCard,
    by_suspicion,
    make_card,
)
from ingest.report.near_duplicates import make_groups
from ingest.report.pictures import Album
from ingest.report.selection import (
    KEYFRAME_BINS,
    SPACING_BINS_S,
    SUSPICION_BINS,
    Selection,
    Smallest,
    Totals,
    select,
)
from ingest.report.timeline import FATES, USED, clock
from ingest.video.keyframes.occluder_suspicion import SUSPICION_THRESHOLD

MAX_PICTURE_BYTES = 16_500_000
"""Bytes for pictures of videos; with the rest, the page of 100 videos of noise has 19.2 MB."""
FOLDER = Path(__file__).parent
"""Folder of the template, the style and the script."""


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart or a column of a histogram."""

    name: str
    count: int
    share: float
    """Of the sum (bar chart) or of the highest column (histogram), 0 to 1."""
    meaning: str = ""


@dataclass(frozen=True)
class Group:
    """Sources that were left out for one reason."""

    reason: str
    status: str
    meaning: str
    count: int
    outcomes: list[VideoOutcome]
    """Some of them."""


def write_report(dataset: Dataset) -> Path:
    """Write the page of a dataset; returns its path. Memory does not grow with the dataset."""
    selection = select(_outcomes(dataset))
    album = Album(MAX_PICTURE_BYTES)
    suspects: Smallest[Suspect] = Smallest(MAX_SUSPECTS, by_suspicion)
    cards = _cards(dataset, selection, album, suspects)
    gallery = [(s, album.add(s.picture, SUSPECT_PX)) for s in suspects.sorted()]
    near_duplicate_groups = make_groups(dataset, selection.near_duplicates, album)
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    page = _environment().get_template("page.html.j2").render(
        name=dataset.root.resolve().name,
        version=__version__,
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        selection=selection,
        cards=cards,
        shown_ids={card.outcome.video_id for card in cards},
        gallery=gallery,
        near_duplicate_groups=near_duplicate_groups,
        fates=[(USED, "part of a keyframe"), *FRAME_REASONS.items()],
        fate_names=" ".join(FATES),
        sampling=_sampling(selection, cards),
        groups=_groups(selection),
        chips=_chips(selection, cards),
        suspect_from=SUSPICION_THRESHOLD,
        **_overview(selection.totals),
    )  # fmt: skip
    write_bytes(dataset.report_html, page.encode())
    return dataset.report_html


def _cards(
    dataset: Dataset, selection: Selection, album: Album, suspects: Smallest[Suspect]
) -> list[VideoCard]:
    """The cards; a video whose files are missing or damaged is told and left out."""
    cards = []
    for outcome in selection.pictured:
        try:
            cards.append(make_card(dataset, outcome, album, suspects))
        except UserError as error:
            tell_left_out(error)
    return cards


def _outcomes(dataset: Dataset) -> Iterator[VideoOutcome]:
    """Yields all outcomes, one in memory at a time, in no fixed order."""
    with os.scandir(dataset.keyframes) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                try:
                    yield read_outcome(dataset, entry.name.removesuffix(".json"))
                except UserError as error:
                    tell_left_out(error)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _sampling(selection: Selection, cards: list[VideoCard]) -> list[str]:
    """Sentences that state which part of the dataset the page shows."""
    num_kept = selection.totals.statuses["kept"]
    num_damaged = len(selection.pictured) - len(cards)
    shown = len(selection.pictured) - selection.num_drawn
    if selection.num_drawn:
        text = (
            f"Shown are the {shown} most suspicious of {num_kept:,} kept videos and "
            f"{selection.num_drawn} drawn at random from the rest; counts are of all."
        )
    else:
        text = f"All {num_kept} kept videos are shown, the most suspicious first."
    if num_damaged:
        text += f" {num_damaged} of them are left out: their files are missing or damaged."
    without_pictures = sum(not card.thumbnails for card in cards)
    if without_pictures:
        text += f" The last {without_pictures} are without pictures: the page is kept under 20 MB."
    if any(card.num_hidden for card in cards):
        text += f" Of a video up to {MAX_THUMBNAILS} keyframes are pictured, all suspects first."
    return [text, "Every source is a row of videos.parquet, every frame a row of its own table."]


def _groups(selection: Selection) -> list[Group]:
    """Sources that were not kept, by reason; failures first."""
    return [
        Group(
            reason,
            outcomes[0].status,
            VIDEO_REASONS.get(reason, ""),
            selection.totals.reasons[reason],
            outcomes,
        )
        for reason, outcomes in (
            (reason, list(found))
            for reason, found in itertools.groupby(selection.unkept, key=lambda o: o.reason)
        )
    ]


def _chips(selection: Selection, cards: list[VideoCard]) -> list[tuple[str, int]]:
    """The buttons of the filter: (tag, number of sources in the dataset)."""
    totals = selection.totals
    num_near_duplicates = selection.near_duplicates.num_videos
    left_out = [(group.reason, group.count) for group in _groups(selection)]
    return [
        ("all", sum(totals.statuses.values())),
        ("kept", totals.statuses["kept"]),
        ("suspect", totals.num_suspect),
        *([(NEAR_DUPLICATE, num_near_duplicates)] if num_near_duplicates else []),
        *sorted(totals.warnings.items()),
        *left_out,
    ]


def _overview(totals: Totals) -> dict[str, object]:
    """The facts, bar charts and histograms at the top of the page, as variables of the template."""
    kept = max(1, totals.statuses["kept"])
    steps = totals.num_keyframes - kept
    video_meanings = VIDEO_REASONS | {"kept": "keyframes were made"}
    frame_meanings = FRAME_REASONS | {USED: "part of a keyframe"}
    return {
        "facts": [
            ("sources", f"{sum(totals.statuses.values()):,}"),
            ("kept", f"{totals.statuses['kept']:,}"),
            ("keyframes", f"{totals.num_keyframes:,}"),
            ("a painting", f"{totals.num_keyframes / kept:.1f}"),
            ("painting time", clock(totals.painting_s)),
            ("between keyframes", clock(totals.painting_s / steps) if steps > 0 else "-"),
            ("train / val", f"{totals.splits['train']:,} / {totals.splits['val']:,}"),
        ],
        "sources": _rows(totals.reasons, video_meanings, "kept"),
        "frames": _rows(totals.frames, frame_meanings, USED),
        "histograms": [
            ("keyframes a video", _columns(totals.keyframe_bins, KEYFRAME_BINS, "")),
            ("seconds between keyframes", _columns(totals.spacing_bins, SPACING_BINS_S, "")),
            ("suspicion of a left-over hand", _columns(totals.suspicion_bins, SUSPICION_BINS, "%")),
        ],
    }


def _rows(counts: Counter[str], meanings: dict[str, str], first: str) -> list[Bar]:
    """The rows of a bar chart: `first`, then the others by falling count."""
    total = max(1, counts.total())
    order = sorted((n for n in counts if counts[n]), key=lambda n: (n != first, -counts[n], n))
    return [Bar(n, counts[n], counts[n] / total, meanings.get(n, "")) for n in order]


def _columns(counts: Counter[int], limits: tuple[float, ...], unit: str) -> list[Bar]:
    """The columns of a histogram whose bins have these upper limits; the last one has none."""
    highest = max(1, *counts.values()) if counts else 1
    factor = 100 if unit == "%" else 1
    names = [f"≤ {limit * factor:g}{unit}" for limit in limits]
    names.append(f"> {limits[-1] * factor:g}{unit}")
    return [Bar(name, counts[i], counts[i] / highest) for i, name in enumerate(names)]
