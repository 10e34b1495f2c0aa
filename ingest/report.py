"""`report.html`: one self-contained page on what ingest did, worst first."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import jinja2

from ingest import __version__
from ingest.atomic import write_bytes
from ingest.dataset import Dataset
from ingest.images import encode_image
from ingest.outcome import StoredKeyframe, VideoOutcome, read_keyframes, read_outcome
from ingest.reasons import FRAME_REASONS, VIDEO_REASONS

THUMBNAIL_HEIGHT_PX, THUMBNAIL_QUALITY = 110, 62
MAX_PICTURED_VIDEOS, MAX_THUMBNAILS = 100, 40
"""Videos with pictures on the page (the worst ones), and thumbnails of one video: the page stays
under 20 MB."""


@dataclass(frozen=True)
class Thumbnail:
    """A keyframe on the page."""

    image: str
    time: str
    change: float
    unsure: float
    note: str


@dataclass(frozen=True)
class VideoCard:
    """One source on the page."""

    outcome: VideoOutcome
    name: str
    preview: str
    thumbnails: list[Thumbnail]
    num_hidden: int
    funnel: list[tuple[str, int, float]]
    """(reason or "used", frames, share of the frames looked at)."""
    span: tuple[float, float] | None
    """Start and length of the painting as shares of the video."""


def write_report(dataset: Dataset) -> Path:
    """Write the page of a dataset; returns its path."""
    outcomes = [
        read_outcome(dataset, path.stem) for path in sorted(dataset.keyframes.glob("*.json"))
    ]
    outcomes.sort(key=_badness)
    cards = [
        _card(dataset, outcome, pictured=number < MAX_PICTURED_VIDEOS)
        for number, outcome in enumerate(outcomes)
    ]
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        name=dataset.root.resolve().name,
        version=__version__,
        cards=cards,
        facts=_facts(outcomes),
        video_funnel=_video_funnel(outcomes),
        frame_funnel=_frame_funnel(outcomes),
        num_plain=max(0, len(cards) - MAX_PICTURED_VIDEOS),
    )
    write_bytes(dataset.report_html, page.encode())
    return dataset.report_html


def clock(time_s: float) -> str:
    """Seconds as people read them: 12.4 s, 3:07, 1:02:45."""
    if time_s < 60:
        return f"{time_s:.1f} s"
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _badness(outcome: VideoOutcome) -> tuple[int, int, float, str]:
    rank = {"failed": 0, "refused": 1, "kept": 2}[outcome.status]
    used = outcome.num_sampled_frames - sum(outcome.dropped.values())
    share = used / max(1, outcome.num_sampled_frames)
    return rank, -len(outcome.warnings), share, outcome.video_id


def _card(dataset: Dataset, outcome: VideoOutcome, pictured: bool) -> VideoCard:
    keyframes = read_keyframes(dataset, outcome.video_id) if outcome.status == "kept" else []
    shown = keyframes[:: max(1, -(-len(keyframes) // MAX_THUMBNAILS))] if pictured else []
    file = dataset.preview_jpg(outcome.video_id)
    looked = max(1, outcome.num_sampled_frames)
    used = outcome.num_sampled_frames - sum(outcome.dropped.values())
    parts = [("used", used), *outcome.dropped.items()]
    duration = outcome.duration_s or 0.0
    span = None
    if outcome.span_s and duration > 0:
        start, end = (min(1.0, value / duration) for value in outcome.span_s)
        span = (start, end - start)
    return VideoCard(
        outcome=outcome,
        name=Path(outcome.uri).name or outcome.uri,
        preview=_data_uri(file.read_bytes()) if pictured and file.is_file() else "",
        thumbnails=[_thumbnail(stored) for stored in shown],
        num_hidden=len(keyframes) - len(shown) if pictured else 0,
        funnel=[(reason, number, number / looked) for reason, number in parts if number],
        span=span,
    )


def _thumbnail(stored: StoredKeyframe) -> Thumbnail:
    image = stored.image()
    factor = THUMBNAIL_HEIGHT_PX / image.shape[0]
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    quality = stored.keyframe.quality
    return Thumbnail(
        image=_data_uri(encode_image(small, "jpg", THUMBNAIL_QUALITY)),
        time=clock(stored.keyframe.time_s),
        change=quality.get("change", 0.0),
        unsure=quality.get("unsure", 0.0),
        note="bare" if stored.keyframe.is_bare else "",
    )


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _facts(outcomes: list[VideoOutcome]) -> list[tuple[str, str]]:
    kept = [outcome for outcome in outcomes if outcome.status == "kept"]
    keyframes = sum(outcome.num_keyframes for outcome in kept)
    spans = [o.span_s[1] - o.span_s[0] for o in kept if o.span_s]
    steps = sum(max(0, outcome.num_keyframes - 1) for outcome in kept)
    return [
        ("sources", str(len(outcomes))),
        ("kept", str(len(kept))),
        ("keyframes", str(keyframes)),
        ("a painting", f"{keyframes / len(kept):.1f}" if kept else "-"),
        ("painting time", clock(sum(spans))),
        ("between keyframes", clock(sum(spans) / steps) if steps else "-"),
        ("train / val", f"{sum(o.split == 'train' for o in kept)} / "
                        f"{sum(o.split == 'val' for o in kept)}"),
    ]  # fmt: skip


def _video_funnel(outcomes: list[VideoOutcome]) -> list[tuple[str, int, float, str]]:
    counts = Counter(o.reason if o.status != "kept" else "kept" for o in outcomes)
    return _rows(counts, len(outcomes), VIDEO_REASONS | {"kept": "keyframes were made"}, "kept")


def _frame_funnel(outcomes: list[VideoOutcome]) -> list[tuple[str, int, float, str]]:
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.dropped)
        counts["used"] += outcome.num_sampled_frames - sum(outcome.dropped.values())
    total = sum(counts.values())
    return _rows(counts, total, FRAME_REASONS | {"used": "part of a keyframe"}, "used")


def _rows(
    counts: Counter[str], total: int, meanings: dict[str, str], first: str
) -> list[tuple[str, int, float, str]]:
    order = sorted(counts, key=lambda name: (name != first, -counts[name], name))
    return [(n, counts[n], counts[n] / max(1, total), meanings.get(n, "")) for n in order]
