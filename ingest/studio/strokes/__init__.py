"""Strokes as data, and the canvas that they fall on.

In: strokes. Out: the painted canvas, RGB uint8 (h, w, 3). Files: `stroke`, `canvas`.
"""
