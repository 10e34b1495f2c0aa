"""Strokes as data, and a canvas that renders them.

In: strokes. Out: the painted canvas, RGB uint8 (h, w, 3). Files: `stroke`, `canvas`.
"""
