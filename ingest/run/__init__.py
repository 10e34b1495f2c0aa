"""One run over all sources: rows to tasks, results to the ledger.

In: rows of `ingest/sources`. Out: counts, and a dataset with splits, ledger and report. Files:
`intake` (ingests all sources), `tally` (counts), `console` (prints progress). At the end of a run:
`duplicates` (same bytes), `splits` (which videos show one painting, and their split; `hash_search`
finds similar hashes), `conclusion` (ledger and report). `purge` removes a video from a dataset.
"""
