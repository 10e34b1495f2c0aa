"""Says what a person should look at in a video that is kept."""

from __future__ import annotations

from ingest.video.analysis import Analysis
from ingest.video.keyframes.painting_span import Span

MIN_MAIN_VIEW_SHARE = 0.6
"""Share of the sampled frames below which the main view is called short, as a warning."""
MAX_NEVER_SEEN_SHARE = 0.02
"""Share of the canvas that is never seen, above which there is a warning."""
MAX_OCCLUDED_SHARE = 0.25
"""Mean share of the canvas that is occluded, above which there is a warning."""
MAX_UNSURE_SHARE = 0.06
"""Mean share of the canvas that is unsure, above which there is a warning."""


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
