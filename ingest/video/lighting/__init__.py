"""Exposure and white balance evened out over a video.

In: pictures of one place. Out: gains, float32 (n, 3). Files: `light` (from the canvas itself),
`background_light` (from what lies around it), `view_light` (a light for each view).
"""
