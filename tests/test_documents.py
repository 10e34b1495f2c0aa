"""The README leads to every page of the documents."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_readme_names_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    index = text[text.index("## All documents") :]
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert sorted(page for page in pages if page not in index) == []
    notes = next(line for line in index.splitlines() if "(docs/notes)" in line)
    assert all(path.stem in notes for path in (ROOT / "docs" / "notes").glob("*.md"))
