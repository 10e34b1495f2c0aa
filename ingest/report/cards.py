"""Makes the card of one kept video: timeline, detected canvas on a frame, keyframes with times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import decode_image
from ingest.ledger.frame_table import read_frames
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome, read_keyframes
from ingest.report.pictures import Album, fitted, outlined
from ingest.report.selection import Smallest, warning_kind
from ingest.report.timeline import Timeline, clock, make_timeline
from ingest.video.keyframes.occluder_suspicion import (
    SUSPICION_THRESHOLD,
    main_measure,
    suspicion,
    transient_masks,
)

THUMBNAIL_PX = (240, 144)
"""Box (width, height) that a keyframe is fitted into."""
PREVIEW_PX = (420, 300)
"""Box (width, height) that the frame with the detected canvas is fitted into."""
SUSPECT_PX = (300, 210)
"""Box (width, height) that a keyframe in the gallery of suspects is fitted into."""
MAX_THUMBNAILS = 32
"""Most keyframes that are shown of one video."""
MAX_MARKED = 12
"""Most of them that are chosen because they are suspect; the rest is evenly spaced."""
NEAR_DUPLICATE = "near-duplicate"
"""Tag of near-duplicate videos in the page's filter."""
MAX_SUSPECTS = 24
"""Most keyframes in the gallery of suspects."""
SUSPECTS_PER_VIDEO = 3
"""Most of them from one video."""


@dataclass(frozen=True)
class Thumbnail:
    """A keyframe on the page."""

    index: int
    image: str
    """Data URI."""
    time: str
    change: float
    """`change` of the keyframe's quality: how much it differs from the one before, 0 to 1."""
    suspicion: float
    is_suspect: bool
    note: str


@dataclass(frozen=True)
class Tick:
    """A keyframe on the timeline."""

    index: int
    share: float
    """Its time as a share of the timeline."""
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
    """The measure that contributes most to the suspicion, with its value."""
    picture: np.ndarray
    """RGB uint8 (H, W, 3); areas that differ from the keyframes before and after are outlined."""


@dataclass(frozen=True)
class VideoCard:
    """One kept video on the page."""

    outcome: VideoOutcome
    name: str
    preview: str
    """Data URI of a frame with the detected canvas; empty without one."""
    thumbnails: list[Thumbnail]
    """Empty where the page had no room left for pictures."""
    num_hidden: int
    """Keyframes without a thumbnail."""
    timeline: Timeline
    ticks: list[Tick]
    span: tuple[float, float]
    """Start and length of the painting as shares of the timeline."""
    spacing: str
    """Median seconds between keyframes."""
    tags: list[str]
    """Tags of the page's filter: `kept`, `suspect`, kinds of its warnings."""

    @property
    def is_suspect(self) -> bool:
        return self.outcome.suspicion >= SUSPICION_THRESHOLD


def make_card(
    dataset: Dataset, outcome: VideoOutcome, album: Album, suspects: Smallest[Suspect]
) -> VideoCard:
    """The card of a kept video; its most suspicious keyframes are added to `suspects`.

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
    found = list(_suspects(stored, outcome.video_id, name)) if pictured else []
    start_s, end_s = outcome.span_s or (0.0, timeline.duration_s)
    card = VideoCard(
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
    for suspect in found:
        suspects.add(suspect)
    return card


def by_suspicion(suspect: Suspect) -> tuple[float, str, int]:
    """Sort key of the gallery: most suspicious first."""
    return -suspect.suspicion, suspect.video_id, suspect.index


def _shown(stored: list[StoredKeyframe]) -> list[int]:
    """Positions of the keyframes to show: all, or the suspects and evenly spaced ones of the
    rest."""
    if len(stored) <= MAX_THUMBNAILS:
        return list(range(len(stored)))
    ranked = sorted(range(len(stored)), key=lambda k: (-_suspicion(stored[k]), k))
    chosen = {k for k in ranked[:MAX_MARKED] if _suspicion(stored[k]) >= SUSPICION_THRESHOLD}
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
        is_suspect=value >= SUSPICION_THRESHOLD,
        note="bare" if keyframe.is_bare else "",
    )


def _suspects(stored: list[StoredKeyframe], video_id: str, name: str) -> list[Suspect]:
    """The most suspicious keyframes of a video for the gallery, at most `SUSPECTS_PER_VIDEO`."""
    ranked = sorted(stored, key=lambda s: (-_suspicion(s), s.keyframe.index))[:SUSPECTS_PER_VIDEO]
    worst = [s for s in ranked if _suspicion(s) >= SUSPICION_THRESHOLD]
    if not worst:
        return []
    masks = transient_masks([fitted(s.image(), (512, 512)) for s in stored])
    return [
        Suspect(
            video_id,
            s.keyframe.index,
            name,
            clock(s.keyframe.time_s),
            _suspicion(s),
            "{} {:.0%}".format(*main_measure(s.keyframe.quality)),
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
            _suspicion(s) >= SUSPICION_THRESHOLD,
            s.keyframe.index in shown,
        )
        for s in stored
    ]


def _tags(outcome: VideoOutcome) -> list[str]:
    kinds = {warning_kind(warning) for warning in outcome.warnings}
    marks = [
        (outcome.suspicion >= SUSPICION_THRESHOLD, "suspect"),
        (bool(outcome.near_duplicate_of), NEAR_DUPLICATE),
    ]
    return ["kept", *(name for holds, name in marks if holds), *sorted(kinds)]


def _preview(file: Path, album: Album) -> str:
    if not file.is_file():
        return ""
    try:
        picture = decode_image(file.read_bytes())
    except ValueError as error:
        raise UserError(f"{file} is damaged ({error}): delete it") from error
    return album.add(picture, PREVIEW_PX)


def _suspicion(stored: StoredKeyframe) -> float:
    return suspicion(stored.keyframe.quality)
