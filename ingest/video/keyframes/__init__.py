"""Which moments become keyframes, and their pictures at full size.

In: the clean canvas over time. Out: keyframes, or the reason why this is no painting. Files:
`span` (when painting happens), `accumulation` and `reveal` (is it painting?), `keyframes` and
`gaps` (which moments), `compose` (full-size pictures), `suspicion` (could a hand be left?),
`preview`.
"""
