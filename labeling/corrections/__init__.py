"""What people said about labels, kept apart from what machines said.

In: decisions of people. Out: the log `corrections.csv` and masks, never written over. Files:
`spreadsheet` (safe CSV), `log_file` (its bytes), `corrections` (its meaning), `log_follower` (in
memory), `human_masks`.
"""
