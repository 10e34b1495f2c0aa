"""What comes out of an evaluation.

In: what is stored of every artist and painting. Out: results.json, table.md, table.tex and
index.html. Files, in the order of their use: `statistics` (means with intervals), `table`, `page`.
"""
