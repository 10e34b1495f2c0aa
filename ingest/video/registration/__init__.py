"""The pose of every frame of a video: the homography from the frame to its shot.

In: a decoded video. Out: `SampledVideo`, its frames with poses. Files: `homography` (between two
images), `scene_agreement` (do two images show one scene?), `tracking` (frame by frame),
`sampled_video` (one pass over the video), `composites`, `static_reference` (refines one pose),
`drift_correction` and `pose_refinement` (refines all poses).
"""
