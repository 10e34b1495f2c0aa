"""Says what a person should look at in a video that is kept."""

from __future__ import annotations

from dataclasses import replace

from ingest.format.images import decode_image
from ingest.ledger.source_files import KeptSource
from ingest.video.analysis import Analysis
from ingest.video.keyframes.painted_share import finished_share
from ingest.video.keyframes.painting_span import Span

MIN_MAIN_VIEW_SHARE = 0.6
"""Share of the sampled frames below which the main view is called short, as a warning."""
MAX_NEVER_SEEN_SHARE = 0.02
"""Share of the canvas that is never seen, above which there is a warning."""
MAX_OCCLUDED_SHARE = 0.25
"""Mean share of the canvas that is occluded, above which there is a warning."""
MAX_UNSURE_SHARE = 0.06
"""Mean share of the canvas that is unsure, above which there is a warning."""


MAX_FINISHED_AT_START = 0.3
"""Share of the finished painting's detail on the first keyframe with paint, above which there is a
warning; `labeling.shards.max_finished_at_start` is the same by default."""


def with_start_doubt(source: KeptSource) -> KeptSource:
    """Returns the source, with a warning if the beginning of its painting is missing."""
    keyframes = source.keyframes
    target = keyframes[0][0].target
    shot = [(k, data) for k, _, data in keyframes if k.target == target and not k.is_bare]
    if not shot or shot[0][0].index == target:
        return source
    finished = next(data for keyframe, data in shot if keyframe.index == target)
    share = finished_share(decode_image(shot[0][1]), decode_image(finished))
    if share <= MAX_FINISHED_AT_START:
        return source
    warning = (
        f"begins half done: {share:.0%} of the finished painting's detail is there at "
        f"{shot[0][0].time_s:.0f} s, in the first keyframe with paint; `labeling shards` leaves "
        "out the step from white to it"
    )
    warnings = (*source.outcome.warnings, warning)
    return replace(source, outcome=source.outcome.model_copy(update={"warnings": warnings}))


def doubts(analysis: Analysis, span: Span) -> list[str]:
    """Returns a sentence for each doubt about the video."""
    warnings = []
    share = len(analysis.used) / len(analysis.sampled_frames)
    if share < MIN_MAIN_VIEW_SHARE:
        warnings.append(f"short view: only {share:.0%} of the frames show the main view")
    if span.intro:
        warnings.append(f"start cut: {span.intro}")
    history = analysis.history
    hidden = history.never_seen.mean()
    if hidden > MAX_NEVER_SEEN_SHARE:
        warnings.append(f"never seen: {hidden:.0%} of the canvas is always covered or out of view")
    occluded = history.occluded[span.first : span.last + 1].mean()
    if occluded > MAX_OCCLUDED_SHARE:
        warnings.append(f"much cover: {occluded:.0%} of the canvas is covered on average")
    unsure = history.unsure[span.first : span.last + 1].mean()
    if unsure > MAX_UNSURE_SHARE:
        warnings.append(
            f"hands may show: {unsure:.0%} of the canvas changed under cover on average; "
            "look at the contact sheet"
        )
    return warnings
