"""The composition of a picture, before any stroke: what stands where, in which colours.

In: a seed. Out: a `Scene`. Files: `noise`, `palette` (colours), `scene`, `layout` (where things
stand), `compose_scene` (all of it).
"""
