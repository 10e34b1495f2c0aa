"""Checks the project's own rules (``make check``): sizes of folders, files, functions and
documents, and the contents of ``__init__.py``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ingest", "labeling", "training", "inference")
MAX_ENTRIES = 15
"""Most files and folders in one folder, without ``__init__.py``."""
MAX_FILE_LINES = 300
"""Most lines of one Python file."""
MAX_FUNCTION_LINES = 40
"""Most lines of a function's body, without its docstring."""
MAX_DOCUMENT_LINES = {"README.md": 200, "docs/results.md": 200}
"""Most lines of each document."""
DOCSTRING_LINES = (3, 8)
"""Fewest and most lines of the docstring of a folder's ``__init__.py``."""


def problems(root: Path) -> Iterator[str]:
    """Yields a line for every broken rule under `root`: where, what was found, what is allowed."""
    for package in PACKAGES:
        yield from _folders(root, root / package)
        for path in sorted((root / package).rglob("*.py")):
            yield from _file(root, path)
    yield from _folders(root, root / "tests")
    for name, limit in MAX_DOCUMENT_LINES.items():
        number = len((root / name).read_text(encoding="utf-8").splitlines())
        if number > limit:
            yield f"{name}: {number} lines, at most {limit}: move what is too much to docs/notes/"


def _folders(root: Path, top: Path) -> Iterator[str]:
    for folder in [top, *sorted(path for path in top.rglob("*") if path.is_dir())]:
        if folder.name == "__pycache__":
            continue
        hidden = {"__init__.py", "__pycache__"}
        number = sum(path.name not in hidden for path in folder.iterdir())
        if number > MAX_ENTRIES:
            yield f"{folder.relative_to(root)}: {number} entries, at most {MAX_ENTRIES}: split it"


def _file(root: Path, path: Path) -> Iterator[str]:
    text, place = path.read_text(encoding="utf-8"), path.relative_to(root)
    number = len(text.splitlines())
    if number > MAX_FILE_LINES:
        yield f"{place}: {number} lines, at most {MAX_FILE_LINES}: one idea a file"
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = _body_lines(node)
            if length > MAX_FUNCTION_LINES:
                yield f"{place}:{node.lineno}: {node.name} has {length} lines, at most 40"
    if path.name == "__init__.py":
        low, high = DOCSTRING_LINES
        lines = len((ast.get_docstring(tree) or "").splitlines())
        if not low <= lines <= high:
            yield f"{place}: a docstring of {lines} lines, expected {low} to {high}"
        if path.parent.parent != root and len(tree.body) > 1:
            yield f"{place}: holds more than its docstring: move it to a file with a name"


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return node.end_lineno - body[0].lineno + 1 if body and node.end_lineno else 0


if __name__ == "__main__":
    found = list(problems(ROOT))
    print("\n".join(found))
    sys.exit(f"error: {len(found)} rules are broken" if found else 0)
