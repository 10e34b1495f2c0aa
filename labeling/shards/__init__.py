"""Builds training shards: WebDataset tars of self-contained samples, with an index.

In: keyframes, labels, corrections. Out: shards, of which equal inputs give equal bytes. Files:
`plan` (assigns pairs to shards), `sample_table` and `index` (describe the shards), `write` (one
shard), `diff` and `builds` (compare two builds), `build` (all shards), `migrate` (older
versions).
"""
