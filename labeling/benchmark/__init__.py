"""What labeling costs against the bare work inside it, as ratios within one run.

In: datasets made up here (`corpus`, `review_dataset`). Out: a table and JSON. Files: `measure`, and
one for each thing measured: `regions`, `llava`, `shards`, `review` (driven by `browser`).
"""
