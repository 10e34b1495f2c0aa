"""Stores the corrections that people make to machine labels, apart from those labels.

In: decisions of people. Out: the append-only log `corrections.csv` and painted masks. Files, in
order of use: `log_file` (appends bytes that survive a crash), `corrections` (columns of the log,
reading it, which rows are in force), `log_follower` (the log in memory), `human_masks`.
"""
