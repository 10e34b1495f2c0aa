"""Work is done again when the algorithm of a stage changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stage_sources import current, recorded, source_hash


@pytest.mark.parametrize("stage", sorted(current()))
def test_the_record_knows_the_source_of_the_stage(stage: str) -> None:
    was, now = recorded().get(stage, {}), current()[stage]
    assert was == now, (
        f"the source of {stage} changed (version {was.get('version')} is recorded, it is "
        f"{now['version']}): if it writes other bytes now, raise the version; then run "
        "`python -m tests.stage_sources --accept`"
    )


def test_comments_and_docstrings_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "stage.py"
    path.write_text('"""One."""\n\n\ndef f(x):\n    """Two."""\n    return x + 1  # three\n')
    before = source_hash([path])
    path.write_text('"""Eins."""\ndef f(x):\n    return x + 1\n')
    assert source_hash([path]) == before
    path.write_text('"""One."""\n\n\ndef f(x):\n    """Two."""\n    return x + 2  # three\n')
    assert source_hash([path]) != before
