"""Image operations that know nothing of painting.

In and out: arrays. Files: `geometry` (homographies, polygons), `difference` (where pictures
differ), `colour_distance` (how different two canvases look), `median` (per-pixel order statistics),
`persistent_colour` (background colour over time), `connected_components` (of masks), `fill`
(unknown areas from another picture).
"""
