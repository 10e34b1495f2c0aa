"""Quality and speed of ingest, measured on studio films with ground truth.

In: films of the studio. Out: a table and JSON. Files: `geometry` (corners of the canvas),
`pictures` (keyframes), `steps` (steps of the painting), `film` (all scores of one film), `table`
(all films), `simulate` (cost of very many sources, a command of its own).
"""
