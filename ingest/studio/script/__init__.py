"""The script of a film (shots, zooms, pauses, captions) and the ground truth about it.

In: a seed and a plan of the painting. Out: events with times. Files: `shots` (intro to end card),
`script` (events), `pacing` (strokes in film time), `truth` (written beside the film, read back).
"""
