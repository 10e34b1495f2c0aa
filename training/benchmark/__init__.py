"""What training costs, measured: ``python -m training.benchmark``."""

import training as training  # before torch: it makes torchvision importable on CPU builds
