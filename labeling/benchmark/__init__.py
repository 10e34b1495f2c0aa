"""Measures the speed of labeling, as ratios to the unavoidable work within one run.

In: synthetic datasets (`corpus`, `review_dataset`). Out: a table and JSON. Files: `measure`, and
one for each measured part: `regions`, `llava`, `shards`, `review` (driven by `browser`).
"""
