"""Predicts the peak memory of painting before it starts.

In: settings and a painter folder. Out: bytes of every stage, and advice in words. Files:
`weight_bytes`, `live_bytes`, `dry_run` (networks on the meta device), `plan`, `advice`,
`out_of_memory`.
"""
