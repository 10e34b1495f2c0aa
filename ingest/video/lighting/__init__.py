"""Gains that even out exposure and white balance over a video.

In: frames of one shot, RGB uint8, and their poses. Out: a factor per frame and channel, float32
(n, 3). Files: `light` (gains from the canvas itself, clipped pixels), `background_light` (gains
from what lies around the canvas), `view_light` (gains across several camera setups).
"""
