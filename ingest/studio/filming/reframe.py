"""Transforms of a film's zooms and of the canvas displacement."""

from __future__ import annotations

import numpy as np

from ingest.studio.script.script import CanvasDisplacement, Script, Zoom


def zoom_at(script: Script, time_s: float) -> Zoom | None:
    """The zoom that contains `time_s`, if any."""
    return next((zoom for zoom in script.zooms if zoom.start_s <= time_s < zoom.end_s), None)


def nearest_zoom(script: Script, time_s: float) -> Zoom | None:
    """The zoom at `time_s`, or the nearest in time: a dissolve shows it before it begins."""

    def distance(zoom: Zoom) -> float:
        return max(zoom.start_s - time_s, time_s - zoom.end_s, 0.0)

    return min(script.zooms, key=distance, default=None)


def zoom_matrix(
    zoom: Zoom, time_s: float, focus_px: tuple[float, float], frame_px: tuple[int, int]
) -> np.ndarray:
    """Similarity in frame pixels of a zoom at a time, float64 (3, 3).

    Args:
        focus_px: centre of the zoom in the unzoomed frame (x, y).
    """
    nearest_end = min(time_s - zoom.start_s, zoom.end_s - time_s)
    reached = min(nearest_end / zoom.ramp_s, 1.0) if zoom.ramp_s > 0 else 1.0
    reached = max(0.0, reached * reached * (3 - 2 * reached))
    focus, middle = np.array(focus_px), np.array(frame_px) / 2
    scale, angle = zoom.scale**reached, np.radians(zoom.turn_deg) * reached
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # The centre of the zoom moves towards the middle of the frame as the zoom grows.
    shift = focus + reached * (1 - 1 / zoom.scale) * (middle - focus) - turn @ focus
    return np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]])


def displacement_matrix(displacement: CanvasDisplacement, canvas_px: tuple[int, int]) -> np.ndarray:
    """Rigid transform from the original to the displaced canvas, in canvas pixels, (3, 3)."""
    angle = np.radians(displacement.turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(canvas_px) - 1) / 2
    shift = middle - turn @ middle + np.array(displacement.shift) * min(canvas_px)
    return np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]])
