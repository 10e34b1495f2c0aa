"""The quadrilateral of the canvas in one shot.

In: composites, RGB uint8 (h, w, 3). Out: four corners in pixels, to a fraction of a pixel. Files:
`quads` (lines and the quadrilaterals they form), `canvas` (detection), `side_refinement` (sides on
the painted face), `outline_matching` (how far the canvas was displaced), `page_outlines` (where no
outline lasts through the shot), `view_border` (false detections), `mask_outline` (from a mask).
"""
