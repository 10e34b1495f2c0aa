"""The painters that the paper is compared with: networks, trainers, and their published weights.

In: published weight files, or shards. Out: rival folders, which `inference.artist.rivals` paints
with. Files: `folder` (reads and writes a rival folder), `__main__` (the command that imports or
trains one), and a folder for each rival.
"""
