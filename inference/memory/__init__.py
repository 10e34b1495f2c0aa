"""How much memory painting takes, said before it starts.

In: settings and a painter folder. Out: bytes, stage by stage, and advice in words. Files:
`weight_bytes`, `live_bytes`, `dry_run` (networks on the meta device), `plan`, `advice`,
`out_of_memory`.
"""
