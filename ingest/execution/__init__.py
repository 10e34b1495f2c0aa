"""Work on Ray, and each item in a process of its own.

In: a plain function and its items. Out: results or failures, one an item, in no fixed order.
Files: `tasks` (configs and results, no Ray), `ray_tasks` (independent tasks), `ray_actors` (models
that are loaded once), `isolation` (a watched process an item), `zygote` (the parent that forks
them).
"""
