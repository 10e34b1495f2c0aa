"""What lies on disk: the sample record, its bytes and the place of every file of a dataset.

In: arrays, times and words. Out: bytes that depend on nothing else, and back. Files: `images`
(PNG, JPEG, WebP), `fields` and `schema` (the `Sample` record), `tar_header`, `tar`, `tar_ranges`
(WebDataset tars), `sample_names`, `vocabulary`, and `dataset`, which names every path.
"""
