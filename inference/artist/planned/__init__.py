"""Artists that paint with strokes in an order that is known beforehand.

In: a picture. Out: instructions, regions and canvases for the rollout. Files, in the order of their
use: `regions` (cuts the picture into things), `plan` (which region comes when, up to which finish),
`schedule` (cuts the plan into steps), `stroke_artist` (paints the plan), `orders` (learned, or made
by hand).
"""
