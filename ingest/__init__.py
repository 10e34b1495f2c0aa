"""Turns time-lapse videos of painters into clean canvas keyframes with times in seconds.

Run it from the repository root: ``python -m ingest VIDEOS... -o DATASET``. This is the lowest of
the four packages: it holds the sample schema (`ingest.format.schema`), the config base
(`ingest.conventions.config`) and the dataset folder (`ingest.format.dataset`), and it does not
import torch.
"""

from ingest.conventions import torchvision_operators

__version__ = "0.1.0"

# Every entry point passes here before it imports diffusers, transformers or lpips.
torchvision_operators.install()
