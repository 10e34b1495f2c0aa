"""Synthetic painting videos with complete ground truth.

In: a seed. Out: a film and its truth. `corpus` makes many films, `non_paintings` makes films that
show no painting. Each folder imports only from those after it: `filming`, `script`, `painting`,
`subjects`, `scene`, `camera`, `strokes`.
"""
