"""Where the canvas is in every frame of a video, and in what light.

In: registered frames. Out: `Placed`: frames, corners, gains. `place` does it; it calls
`shot_linking`, `displacement_detection`, `displacement_estimation`, `displacement` (the canvas was
moved), `drift` and `edge_refinement`. `page/` does it for canvases that are cut out anew in every
shot.
"""
