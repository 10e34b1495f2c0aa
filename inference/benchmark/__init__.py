"""Measures the time and memory of painting: `python -m inference.benchmark`.

In: painters of random weights. Out: a table and JSON. Files: `networks` and `folder` (painters to
measure), `memory` (peak memory against the plan), `sampler` (fewer denoising steps, a command of
its own), `strokes` (paintings in strokes, a command of its own), `__main__`.
"""
