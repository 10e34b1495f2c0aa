"""Paints finished pictures step by step with the networks of a painter folder.

Run it from the repository root: ``python -m inference paint PICTURE -o OUT``.
"""

import labeling as labeling  # before torch: it makes torchvision importable on CPU builds
