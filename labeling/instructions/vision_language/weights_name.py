"""Names a model in tables and caches: by its hub name, or by a folder and a hash of its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

HASHED_BYTES = 1 << 16
"""Bytes hashed at the start and at the end of each file of a model's folder."""


def weights_name(name: str) -> str:
    """A hub name unchanged; for a folder its name and a hash, as in ``llava@1a2b3c4d``.

    The name changes with the weights and not with the folder's location.
    """
    folder = Path(name)
    if not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors", ".bin", ".model"):
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}".encode())
            # Hashing all 14 GB would take minutes.
            with path.open("rb") as file:
                digest.update(file.read(HASHED_BYTES))
                file.seek(max(0, path.stat().st_size - HASHED_BYTES))
                digest.update(file.read(HASHED_BYTES))
    return f"{folder.resolve().name}@{digest.hexdigest()[:8]}"
