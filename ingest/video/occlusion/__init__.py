"""The clean canvas over time: hands, tools and shadows removed.

In: rectified frames, RGB uint8 (n, h, w, 3), and where they are valid. Out: a `CanvasHistory`.
Files: `dominant_colours` (of each pixel in each time bin), `objects_on_table` and `occluders` (what
leaves again), `appearance` and `skin` (hands by colour; `static_regions`: still paint is none),
`scene` and `mask_sources` (which masks apply to which footage), `canvas_history` (clean canvas),
`table_background`, `paint_changes`, `unsure_pixels`, `blank_canvas` and `blank_start`.
"""
