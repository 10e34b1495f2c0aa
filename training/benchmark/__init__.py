"""What training costs: ``python -m training.benchmark``.

In: shards made up here (`shards`). Out: a table and JSON. Files: `measure` (timed steps), `rows`
(the table), `data_loading` (the stream against bare decoding, a command of its own).
"""
