"""A finished picture and a painter folder in; the painting's making, step by step, out.

Run it from the repository root: ``python -m inference paint PICTURE -o OUT``.
"""

import labeling as labeling  # before torch: it makes torchvision importable on CPU builds
