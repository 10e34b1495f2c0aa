"""All networks of one system, and the folder that holds them.

In: trained parts. Out: a `Painter`, or a folder in diffusers' layout. Files: `parts` (random
weights), `folder` (on disk), `initial` (first weights), `painter` (the calls that training and
inference share), `assemble` (several runs to one folder).
"""
