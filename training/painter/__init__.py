"""All networks of one system, and the folder that holds them.

In: trained parts. Out: a `Painter`, or a folder in diffusers' layout. Files: `parts` (random
weights), `folder` (on disk), `pretrained` (initial weights), `painter` (the forward passes that
training and inference share), `assemble` (several runs to one folder), `part_classes` (what an
index may name), `device`, `finite` (values that are not finite are refused).
"""
