"""Computes two masks for each pair: the region painted in the step, and the region still to paint.

In: pairs of canvases. Out: bool (H, W) masks. Files, in order of use: `perceptual` (LPIPS),
`cleaning` (optional), `record` (on disk), `regions` (all pairs of a video).
"""
