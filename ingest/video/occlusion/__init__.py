"""The clean canvas over time: hands, tools and shadows removed.

In: rectified frames, RGB uint8 (n, h, w, 3), where they are valid, and the kind of footage. Out: a
`CanvasHistory`, the canvas in each time bin. Files: `dominant_colours` (the colour of each pixel in
each bin), `objects_on_table` and `occluders` (occlusion masks), `canvas_history` (the clean
canvas), `scene` and `mask_sources` (what is masked before, by kind of footage), `static_regions`,
`appearance` and `skin` (hands by their colours), `table_background` and `paint_changes` (when was
it painted?), `blank_canvas` (is it blank still?), `unsure_pixels` and `blank_start` (colours nobody
saw).
"""
