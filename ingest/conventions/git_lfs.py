"""Recognises pointers of Git LFS: small text files where a clone did not fetch the large ones."""

from __future__ import annotations

from pathlib import Path

from ingest.conventions.errors import UserError

FIRST_LINE = b"version https://git-lfs.github.com/spec/v1"
"""The first line of every pointer (git-lfs, docs/spec.md)."""
ADVICE = "is a Git LFS pointer, not the file itself: run `git lfs pull` there, or download it"
"""What it is and what to do; follows the path."""


def is_pointer(path: Path) -> bool:
    """Whether a file is a pointer; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(FIRST_LINE)) == FIRST_LINE
    except OSError:
        return False


def refuse_pointers(path: Path) -> None:
    """Raises UserError if a file, or a file directly in a folder, is a pointer."""
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    found = next((file for file in files if file.is_file() and is_pointer(file)), None)
    if found is not None:
        raise UserError(f"{found} {ADVICE}")
