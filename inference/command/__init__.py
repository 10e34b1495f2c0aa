"""The work behind `python -m inference paint` and `replay`.

In: settings and jobs. Out: a finished folder a painting, and a page over all. Files: `easel` (what
all paintings share), `starting` (a rollout from a picture), `session_making`, `painting` (one
folder), `painting_work` (batches, Ray), `paintings_page`, `command`, `replay`.
"""
