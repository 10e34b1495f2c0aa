"""Shards in, a painter folder out: trainers for the text, mask and renderer networks.

Run it from the repository root: ``python -m training text|mask|renderer DATASET -o RUN``.
"""

import labeling as labeling  # before torch: it makes torchvision importable on CPU builds
