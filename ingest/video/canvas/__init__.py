"""The quadrilateral of the canvas in one shot.

In: composites, RGB uint8 (h, w, 3). Out: four corners in pixels, to a fraction of a pixel. Files:
`quads` (lines and the quadrilaterals they form), `canvas` (detection), `page_outlines`, `outline`
and `face` (sub-pixel sides), `view_border`, `mask_outline`.
"""
