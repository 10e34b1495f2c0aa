"""Measures the speed of training: ``python -m training.benchmark``.

In: synthetic shards (`shards`). Out: a table and JSON. Files: `measure` (timed steps), `rows` (the
table), `data_loading` (a command of its own: our loader against decoding alone).
"""
