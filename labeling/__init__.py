"""Labels pairs of keyframes: instructions, region masks, human corrections and training shards.

Run it from the repository root: ``python -m labeling regions|instructions|review|shards DATASET``.
"""

import ingest as ingest  # before torch: it makes torchvision importable with a CPU build
