"""Which moments become keyframes, and their pictures at full size.

In: the clean canvas over time. Out: keyframes, or the reason why this is no painting. Files:
`painting_span` (when painting happens), `paint_accumulation` and `reveal_detection` (is it
painting?), `selection` (moments with new paint; drops those without) and `gap_filling`,
`composition` (full-size pictures), `occluder_suspicion` (could a hand be left?), `preview`.
"""
