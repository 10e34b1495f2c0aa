"""Reads shards and gives batches, in an order that depends on seed and epoch alone.

In: shards, local or remote. Out: batches of tensors. Files: `sample_source` (bytes), `sample_list`
(index of all samples), `epoch_order` (the order of samples and batches), `image_cache` (decoding),
`resizing`, `batch`, `collation`, `stream` (the loader), `malloc_settings`.
"""
