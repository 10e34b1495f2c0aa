"""One run over all sources: rows to tasks, results to the ledger.

In: rows of `ingest/sources`. Out: counts, and a dataset in which everything is decided. Files:
`intake` (work), `tally` and `console` (counts, progress), `duplicates`, `near_duplicates`,
`splits` (decided once all sources are known), `conclusion` (ledger and report), `purge`.
"""
