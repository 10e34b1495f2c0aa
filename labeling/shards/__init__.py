"""Training shards: WebDataset tars of self-contained samples.

In: keyframes, labels, corrections. Out: the same bytes every time, and an index. Files: `plan`
(which pair goes where), `write` (one shard), `sample_table`, `diff` and `index` (what there is),
`build` (all of it), `migrate` (older versions).
"""
