"""Labels pairs of keyframes: instructions, region masks, human corrections and training shards.

Run it from the repository root: ``python -m labeling regions|instructions|review|shards DATASET``.
Importing this package makes torchvision importable beside a CPU-only torch, so `training` and
`inference` import it before anything that needs torch.
"""

from ingest.conventions import torchvision_operators

torchvision_operators.install()
