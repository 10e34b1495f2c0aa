"""Time-lapse videos of painters in, clean canvas keyframes with times in seconds out.

Run it from the repository root: ``python -m ingest VIDEOS... -o DATASET``. This is the lowest of
the four packages: it owns the sample schema (`ingest.format.schema`), the config base
(`ingest.conventions.config`) and the dataset folder (`ingest.format.dataset`), and it never loads
torch.
"""

__version__ = "0.1.0"
