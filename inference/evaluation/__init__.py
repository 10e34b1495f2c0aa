"""How close painted processes are to real ones: the paper's metrics, and rivals beside each other.

In: real processes (a dataset's `val` split, folders of keyframes with times) and artists (orders,
painter folders, processes painted elsewhere). Out: results.json, a table, a page. Files, in the
order of their use: `process`, `process_files` (reads them), `artists` (paints them), `choices`
(what the paper leaves open), `perceptual_curves`, `time_warping`, `metrics`, `frechet`, `measured`
(what is stored), `evaluate` (all paintings), `report/` (table and page), `command`.
"""
