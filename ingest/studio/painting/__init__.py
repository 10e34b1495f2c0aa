"""The order of a painting, as strokes with times.

In: a seed. Out: the canvas at any moment. Files: `formats` (what kind of picture), `study` (the
picture so far), `orders`, `repaint` and `finish` (parts of a plan), `planner` (all steps),
`timeline` (seconds), `performance` (the canvas at a time).
"""
