"""What became of every source and of every sampled frame, on disk.

In: the outcome of one source. Out: its files, and tables over all of them. Files: `outcome` and
`stored` (one source), `frame_table`, `fingerprint`, `reasons`; `standing` (is it still valid?),
`source_register`, `outcome_table`, `ledger` (`videos.parquet`) over all; `later_stages`, `trace`,
`tombstones` (purged videos).
"""
