"""Makes torchvision importable with a torch that its C library was not built for.

torchvision declares the shapes of two operators (`nms`, `qnms`) as soon as it is imported, and dies
if its own C library, which defines them, did not load: "operator torchvision::nms does not exist".
That happens whenever a CPU-only torch meets the registry's CUDA build of torchvision. lpips,
transformers and diffusers all import torchvision, but none of ours calls these operators.

`install` adds an import hook for torchvision. The hook tries the real library first, because a
library that fits does not load once the names are declared. Nothing is imported before torchvision.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

OPERATORS = ("nms", "qnms")
"""Operators that torchvision expects its C library to define."""
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
"""Signature of both operators."""

_declared: list[Any] = []
"""Keeps the declarations alive: torch drops them with the object that made them."""


def install() -> None:
    """Put the hook in place once; a torchvision that is imported already is left alone."""
    if "torchvision" in sys.modules or any(isinstance(f, _Hook) for f in sys.meta_path):
        return
    sys.meta_path.insert(0, _Hook())


def declare_missing_operators() -> None:
    """Load torchvision's C library or, where it does not fit, declare its two operators."""
    import torch

    missing = [name for name in OPERATORS if not hasattr(torch.ops.torchvision, name)]
    if not missing or _load_library(torch):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in missing:
        library.define(name + SIGNATURE)
    _declared.append(library)


def _load_library(torch: Any) -> bool:
    spec = importlib.util.find_spec("torchvision")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for pattern in ("_C*.so", "_C*.pyd"):
            for path in sorted(Path(folder).glob(pattern)):
                try:
                    torch.ops.load_library(str(path))
                except (OSError, ImportError):
                    # This library was built for another torch.
                    continue
                return True
    return False


class _Hook(importlib.abc.MetaPathFinder):
    """An import hook that finds no modules; it declares the operators before torchvision loads."""

    def __init__(self) -> None:
        self._is_preparing = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "torchvision" and not self._is_preparing:
            # Loading torch and looking for the library ask for torchvision again.
            self._is_preparing = True
            try:
                declare_missing_operators()
            finally:
                self._is_preparing = False
        return None
