"""The outcome of every source and the fate of every sampled frame, on disk.

In: the outcome of one source. Out: its files, and tables over all sources. Files: `outcome` and
`reasons`, `source_files` (files of one source), `frame_table` (its frames), `fingerprint`; `reuse`
(is an earlier outcome still valid?), `source_register` (sources of a run), `outcome_table` and
`ledger` (`videos.parquet`) over all; `source_names`, `later_stages`, `trace`, `tombstones` (purged
videos).
"""
