"""Recognises pointers of Git LFS: small text files where a clone did not fetch the large ones."""

from __future__ import annotations

from pathlib import Path

from ingest.conventions.errors import UserError, reading_error

FIRST_LINE = b"version https://git-lfs.github.com/spec/v1"
"""The first line of every pointer (git-lfs, docs/spec.md)."""
ADVICE = "is a Git LFS pointer, not the file itself: run `git lfs pull` there, or download it"
"""What it is and what to do; follows the path."""


def is_pointer(path: Path) -> bool:
    """Whether a file is a pointer; False if it cannot be opened."""
    try:
        return _starts_as_pointer(path)
    except OSError:
        return False


def refuse_pointers(path: Path) -> None:
    """Raises UserError if a file, or a file directly in a folder, is a pointer or may not be
    read."""
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    try:
        found = next((file for file in files if file.is_file() and _starts_as_pointer(file)), None)
    except OSError as error:
        raise reading_error(error, path) or error from error
    if found is not None:
        raise UserError(f"{found} {ADVICE}")


def _starts_as_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(FIRST_LINE)) == FIRST_LINE
