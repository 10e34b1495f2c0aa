"""Finds a data file inside an installed package without importing the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def package_file(package: str, file: str) -> Path | None:
    """Path of `file` in a package, or None if it is not installed.

    The package is located, not imported: packages that carry weights ask for libraries that are not
    needed to read these.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / file
        if path.is_file():
            return path
    return None
