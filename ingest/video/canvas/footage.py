"""The kinds of footage: what is in view beside the canvas, and what moves the view."""

from __future__ import annotations

from enum import Enum


class Footage(Enum):
    """Decided once a video, when the canvas is placed (`ingest.video.placement`)."""

    TABLE = "table"
    """The canvas lies on a table that is in view around it."""
    SCREEN = "screen"
    """The canvas fills the frame: a screen recording, or a camera close to the canvas."""
    REFRAMED = "reframed"
    """The camera is set up anew many times: views with a light of their own, linked by the outline
    of the page. What lies around the page differs from view to view."""
