"""Hands, tools and shadows removed over time.

In: rectified frames, RGB uint8 (n, h, w, 3), and where they are valid. Out: a `History`, the
canvas in each bin of time. Files: `levels` (the colour of each bin), `objects`, `surround` and
`cover` (what is an occluder), `occlusion` (all of it), `settled`, `appearance` and `skin` (hands
by their looks), `moments` (when was it painted?), `bare`, `guess`, `plain` (places that were never
seen).
"""
