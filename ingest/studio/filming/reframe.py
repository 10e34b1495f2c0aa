"""The camera is moved in mid-film: nearer to a part of the canvas, or the canvas under it."""

from __future__ import annotations

import numpy as np

from ingest.studio.script.script import Nudge, Script, Zoom


def zoom_at(script: Script, time_s: float) -> Zoom | None:
    """The zoom that the frame at `time_s` is filmed with, if any."""
    return next((zoom for zoom in script.zooms if zoom.start_s <= time_s < zoom.end_s), None)


def nearest_zoom(script: Script, time_s: float) -> Zoom | None:
    """The zoom at `time_s` or the one next to it: a dissolve shows it before it begins."""

    def distance(zoom: Zoom) -> float:
        return max(zoom.start_s - time_s, time_s - zoom.end_s, 0.0)

    return min(script.zooms, key=distance, default=None)


def zoom_matrix(
    zoom: Zoom, time_s: float, focus_px: tuple[float, float], frame_px: tuple[int, int]
) -> np.ndarray:
    """Similarity in the frame that a zoom makes of it, float64 (3, 3).

    Args:
        focus_px: where in the unzoomed frame the point lies that is looked at; at full zoom it is
            the middle of the frame.
    """
    nearest_end = min(time_s - zoom.start_s, zoom.end_s - time_s)
    reached = min(nearest_end / zoom.ramp_s, 1.0) if zoom.ramp_s > 0 else 1.0
    reached = max(0.0, reached * reached * (3 - 2 * reached))
    focus, middle = np.array(focus_px), np.array(frame_px) / 2
    scale, angle = zoom.scale**reached, np.radians(zoom.turn_deg) * reached
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # The nearer the camera, the more the point moves into the middle.
    shift = focus + reached * (1 - 1 / zoom.scale) * (middle - focus) - turn @ focus
    return np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]])


def nudge_matrix(nudge: Nudge, canvas_px: tuple[int, int]) -> np.ndarray:
    """Where the pushed canvas lies in the plane of the unpushed one, in its pixels: (3, 3)."""
    angle = np.radians(nudge.turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(canvas_px) - 1) / 2
    shift = middle - turn @ middle + np.array(nudge.shift) * min(canvas_px)
    return np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]])
