"""Runs work on Ray, with each item in its own process where needed.

In: a plain function and its items. Out: results or failures, one an item, in no fixed order.
Files: `tasks` (configs and results, no Ray), `ray_address` (does a cluster answer?), `ray_tasks`
(independent tasks), `ray_actors` (models that are loaded once), `isolation` (a process with limits
for each item), `zygote` (the parent that forks these processes).
"""
