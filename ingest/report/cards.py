"""One kept video on the page: its strip, its canvas on a frame, its keyframes with seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.format.dataset import Dataset
from ingest.format.images import decode_image
from ingest.ledger.frame_table import read_frames
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome, read_keyframes
from ingest.report.pictures import Album, fitted, outlined
from ingest.report.selection import Smallest, warning_kind
from ingest.report.timeline import Timeline, clock, make_timeline
from ingest.video.keyframes.suspicion import SUSPECT, main_sign, passing_masks, suspicion

THUMBNAIL_PX, PREVIEW_PX, SUSPECT_PX = (240, 144), (420, 300), (300, 210)
"""Boxes (width, height) that pictures are fitted into."""
MAX_THUMBNAILS, MAX_MARKED = 32, 12
"""Keyframes shown of one video, and how many of them may be there because they are suspect."""
TWIN = "near-duplicate"
MAX_SUSPECTS, SUSPECTS_PER_VIDEO = 24, 3
"""Keyframes in the gallery of suspects."""


@dataclass(frozen=True)
class Thumbnail:
    """A keyframe on the page."""

    index: int
    image: str
    time: str
    change: float
    suspicion: float
    is_suspect: bool
    note: str


@dataclass(frozen=True)
class Tick:
    """A keyframe on the strip."""

    index: int
    share: float
    label: str
    is_suspect: bool
    is_shown: bool


@dataclass(frozen=True, eq=False)
class Suspect:
    """A keyframe in the gallery of suspects."""

    video_id: str
    index: int
    name: str
    time: str
    suspicion: float
    sign: str
    """What says so most."""
    picture: np.ndarray
    """RGB uint8 (H, W, 3), what passes by outlined."""


@dataclass(frozen=True)
class VideoCard:
    """One kept video on the page."""

    outcome: VideoOutcome
    name: str
    preview: str
    thumbnails: list[Thumbnail]
    """Empty where the page had no room left for pictures."""
    num_hidden: int
    timeline: Timeline
    ticks: list[Tick]
    span: tuple[float, float]
    """Start and length of the painting as shares of the strip."""
    spacing: str
    """Median seconds between keyframes."""
    tags: list[str]
    """What the page's filter finds it by: `kept`, `suspect`, kinds of its warnings."""

    @property
    def is_suspect(self) -> bool:
        return self.outcome.suspicion >= SUSPECT


def make_card(
    dataset: Dataset, outcome: VideoOutcome, album: Album, suspects: Smallest[Suspect]
) -> VideoCard:
    """Read a kept video and picture it; its worst keyframes are added to `suspects`.

    Raises:
        UserError: its keyframes or its frame table are missing or damaged.
    """
    stored = read_keyframes(dataset, outcome.video_id)
    fates = read_frames(dataset, outcome.video_id)
    timeline = make_timeline(fates, outcome.duration_s or 0.0)
    name = Path(outcome.uri).name or outcome.uri
    pictured = not album.is_full
    shown = _shown(stored) if pictured else []
    thumbnails = [_thumbnail(stored[k], album) for k in shown]
    if pictured:
        for suspect in _suspects(stored, outcome.video_id, name):
            suspects.add(suspect)
    start_s, end_s = outcome.span_s or (0.0, timeline.duration_s)
    return VideoCard(
        outcome=outcome,
        name=name,
        preview=_preview(dataset.preview_jpg(outcome.video_id), album) if pictured else "",
        thumbnails=thumbnails,
        num_hidden=len(stored) - len(shown),
        timeline=timeline,
        ticks=_ticks(stored, set(shown), timeline.duration_s),
        span=(start_s / timeline.duration_s, (end_s - start_s) / timeline.duration_s),
        spacing=clock(float(np.median(np.diff([s.keyframe.time_s for s in stored]))))
        if len(stored) > 1
        else "-",
        tags=_tags(outcome),
    )


def by_suspicion(suspect: Suspect) -> tuple[float, str, int]:
    """The order of the gallery: most suspicious first."""
    return -suspect.suspicion, suspect.video_id, suspect.index


def _shown(stored: list[StoredKeyframe]) -> list[int]:
    """Keyframes to picture: all, or the suspects and evenly spaced ones of the rest."""
    if len(stored) <= MAX_THUMBNAILS:
        return list(range(len(stored)))
    ranked = sorted(range(len(stored)), key=lambda k: (-_suspicion(stored[k]), k))
    chosen = {k for k in ranked[:MAX_MARKED] if _suspicion(stored[k]) >= SUSPECT}
    rest = [k for k in range(len(stored)) if k not in chosen]
    places = np.linspace(0, len(rest) - 1, MAX_THUMBNAILS - len(chosen)).round().astype(int)
    return sorted(chosen | {rest[place] for place in places})


def _thumbnail(stored: StoredKeyframe, album: Album) -> Thumbnail:
    keyframe, value = stored.keyframe, _suspicion(stored)
    return Thumbnail(
        index=keyframe.index,
        image=album.add(stored.image(), THUMBNAIL_PX),
        time=clock(keyframe.time_s),
        change=keyframe.quality.get("change", 0.0),
        suspicion=value,
        is_suspect=value >= SUSPECT,
        note="bare" if keyframe.is_bare else "",
    )


def _suspects(stored: list[StoredKeyframe], video_id: str, name: str) -> list[Suspect]:
    ranked = sorted(stored, key=lambda s: (-_suspicion(s), s.keyframe.index))[:SUSPECTS_PER_VIDEO]
    worst = [s for s in ranked if _suspicion(s) >= SUSPECT]
    if not worst:
        return []
    masks = passing_masks([fitted(s.image(), (512, 512)) for s in stored])
    return [
        Suspect(
            video_id,
            s.keyframe.index,
            name,
            clock(s.keyframe.time_s),
            _suspicion(s),
            "{} {:.0%}".format(*main_sign(s.keyframe.quality)),
            outlined(fitted(s.image(), SUSPECT_PX), masks[s.keyframe.index]),
        )
        for s in worst
    ]


def _ticks(stored: list[StoredKeyframe], shown: set[int], duration_s: float) -> list[Tick]:
    return [
        Tick(
            s.keyframe.index,
            s.keyframe.time_s / duration_s,
            f"keyframe {s.keyframe.index} at {clock(s.keyframe.time_s)}",
            _suspicion(s) >= SUSPECT,
            s.keyframe.index in shown,
        )
        for s in stored
    ]


def _tags(outcome: VideoOutcome) -> list[str]:
    kinds = {warning_kind(warning) for warning in outcome.warnings}
    marks = [(outcome.suspicion >= SUSPECT, "suspect"), (bool(outcome.near_duplicate_of), TWIN)]
    return ["kept", *(name for holds, name in marks if holds), *sorted(kinds)]


def _preview(file: Path, album: Album) -> str:
    return album.add(decode_image(file.read_bytes()), PREVIEW_PX) if file.is_file() else ""


def _suspicion(stored: StoredKeyframe) -> float:
    return suspicion(stored.keyframe.quality)
