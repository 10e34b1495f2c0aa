"""What a model goes by in tables and caches: a hub name, or a folder with a mark of its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

MARK_BYTES = 1 << 16
"""Read at both ends of each file of a model's folder to tell it from others."""


def weights_name(name: str) -> str:
    """A hub name as it is; a folder by its own name and a mark of its content, so that other
    weights in the same place are another labeler, and the same ones in another place are not."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors", ".bin", ".model"):
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}".encode())
            # Reading 14 GB would cost minutes; headers and first and last weights tell enough.
            with path.open("rb") as file:
                digest.update(file.read(MARK_BYTES))
                file.seek(max(0, path.stat().st_size - MARK_BYTES))
                digest.update(file.read(MARK_BYTES))
    return f"{folder.resolve().name}@{digest.hexdigest()[:8]}"
