"""Pointers of Git LFS in place of videos and weights are told as such."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_pointer_among_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    refuse_pointers(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(POINTER)
    with pytest.raises(UserError, match=r"model\.safetensors is a Git LFS pointer.*git lfs pull"):
        refuse_pointers(tmp_path)


def test_a_video_that_is_a_pointer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(POINTER)
    outcome = make_ingest_video(IngestConfig(), tmp_path / "d")(SourceRow(str(path)))
    assert outcome.reason == "unreadable"
    assert "git lfs pull" in outcome.detail
