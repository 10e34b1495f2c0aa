"""The homography between two views of one place.

In: two pictures, or all frames of a video. Out: a pose for each frame. Files: `homography` (two
views), `agreement` (do they show one place?), `motions`, `tracking` (frame to frame),
`observation` (one pass over the video), `composites`, `settle`, `drift_correction` and `settling`
(poses refined together).
"""
