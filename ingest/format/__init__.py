"""The dataset format: stored records, their encoding, and the path of every file of a dataset.

In: arrays, times and texts. Out: reproducible bytes, and back. Files: `images` (PNG, JPEG, WebP),
`picture_files` (pictures of any kind), `fields` and `schema` (the `Sample` record), `tar_header`,
`tar`, `tar_ranges` (WebDataset tars), `sample_names`, `vocabulary`, `table_form` and `spreadsheet`
(tables that people make), and `dataset` (all paths).
"""
