"""Where the canvas is in every frame of a video, and the gains that even out the light.

In: `SampledVideo`, frames with poses. Out: `Placement`: frames, corners, gains. `place` does it; it
calls `shot_linking` (with `frame_comparison`), `displacement_compensation` (the canvas was moved;
with `displacement_detection`, `displacement_estimation`, `motion_models`), `canvas_drift` and
`edge_refinement`. `page/` does it for videos without a static table.
"""
