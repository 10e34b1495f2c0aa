"""What is to be painted: the composition, before any brush is taken up.

In: a seed. Out: a `Scene`. Files: `noise`, `palette` (colours), `scene`, `layout` (where things
stand), `compose` (all of it).
"""
