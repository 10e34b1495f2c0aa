"""The commands `python -m inference paint` and `replay`.

In: settings and jobs. Out: a finished folder per painting, and a page over all. Files:
`painting_context` (what all paintings share), `rollout_setup` (a rollout from a picture),
`session_making`, `painting` (one folder), `batch_painting` (batches, Ray), `paintings_page`,
`command`, `replay`.
"""
