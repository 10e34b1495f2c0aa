"""The viewer page: self-contained, limited in size, with escaped text."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inference.output.session import Session
from inference.output.viewer import ViewerConfig, write_viewer
from inference.rollout.steps import Instruction, Step


def page_of(path: Path, session: Session, **config: Any) -> str:
    write_viewer(path, session, ViewerConfig(**config))
    return path.read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="session">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found.group(1))


def test_page_holds_every_step(tmp_path: Path, session: Session) -> None:
    page = page_of(tmp_path / "index.html", session)
    steps = data_of(page)["steps"]
    assert [step["word"] for step in steps] == ["", "sky", "mountain", "ground", "tree"]
    assert [step["clock"] for step in steps] == ["0:00", "0:20", "0:40", "1:00", "1:20"]
    assert all(step["image"].startswith("data:image/webp;base64,") for step in steps)
    assert [bool(step["mask"]) for step in steps] == [False, True, True, True, True]


def test_page_needs_nothing_else(tmp_path: Path, session: Session) -> None:
    page = page_of(tmp_path / "index.html", session)
    assert not re.search(r"https?://", page)
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "@import" not in page


def test_text_is_never_markup(
    tmp_path: Path, steps: list[Step], make_session_of: Callable[[list[Step]], Session]
) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    steps = [dataclasses.replace(steps[0], instruction=Instruction(evil, 0.5)), *steps[1:]]
    page = page_of(tmp_path / "index.html", make_session_of(steps))
    assert "<img src=x" not in page
    assert "<b>hill" not in page, "the picture's name holds markup"
    assert data_of(page)["steps"][1]["word"] == evil
    assert page.count("</script>") == 2


def test_page_stays_below_its_size(tmp_path: Path, session: Session) -> None:
    rng = np.random.default_rng(0)
    noise = [
        dataclasses.replace(s, next=rng.integers(0, 256, (600, 800, 3), dtype=np.uint8))
        for s in session.samples
    ]
    noisy = Session(session.record, noise)
    page_of(tmp_path / "index.html", noisy, page_mb=1.0)
    assert (tmp_path / "index.html").stat().st_size < 1_000_000
