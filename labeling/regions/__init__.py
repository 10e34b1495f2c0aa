"""Where a step paints, and where work is left: two masks a pair.

In: pairs of canvases. Out: bool (H, W) masks. Files: `perceptual` (LPIPS), `cleaning` (optional),
`record` (on disk), `regions` (all of it).
"""
