"""How good and how fast ingest is, measured against films whose truth is known.

In: films of the studio. Out: a table and JSON. Files: `geometry`, `pictures` and `steps` (three
kinds of measures), `film` (one film), `table` (all of them), `simulate` (the cost of very many
sources, a command of its own).
"""
