"""Paints finished pictures step by step with the networks of a painter folder.

Run it from the repository root: ``python -m inference paint PICTURE -o OUT``.
"""

import ingest as ingest  # before torch: it makes torchvision importable with a CPU build
