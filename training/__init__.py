"""Trains the text, mask and renderer networks on shards and assembles them as a painter folder.

Run it from the repository root: ``python -m training text|mask|renderer DATASET -o RUN``.
"""

import ingest as ingest  # before torch: it makes torchvision importable with a CPU build
