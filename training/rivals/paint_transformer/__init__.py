"""Paint Transformer (Liu et al., ICCV 2021), which paints a picture in strokes from coarse to fine.

In: its published weights, or nothing. Out: rival folders. Files: `network`, `brushes`, `strokes`
(drawing), `levels` (a whole picture), `practice` and `losses` (what it learns from), `trainer`,
`train`, `published` (reads the authors' file), `settings` (the folder), `command`.
"""
