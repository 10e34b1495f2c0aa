"""Plans a painting as strokes in order, and plays them back.

In: a seed. Out: the canvas at any moment. Files: `formats` (what kind of picture), `preview` (a
small copy to look up colours in), `orders`, `repaint` and `sketch_and_details` (parts of a plan),
`planner` (all steps), `timeline` (times of strokes), `playback` (the canvas at a time).
"""
