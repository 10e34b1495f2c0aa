"""What happens in a film beside the painting, and the truth about it.

In: a seed and a plan of the painting. Out: events with times. Files: `cut` (shots), `script`
(events), `pacing` (which stroke when), `truth` (written beside the film, and read back).
"""
