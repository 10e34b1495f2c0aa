"""Shards in, batches out, in an order that seed and epoch alone decide.

Files in their order: `sample_source` (bytes), `sample_list` (which samples there are),
`epoch_order`, `image_cache` and `framing` (pictures), `batch`, `collation`, `stream` (all of it),
`freed_memory`.
"""
