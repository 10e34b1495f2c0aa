"""Shards are read by tools that know nothing of this project, as docs/shards.md says."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingest.format.schema import decode_sample
from ingest.format.tar import read_tar

PAGE = Path(__file__).resolve().parents[3] / "docs" / "shards.md"
SNIPPETS = dict(re.findall(r"## ([^\n]+)\n\n```python\n(.*?)```", PAGE.read_text(), re.S))


@pytest.fixture
def shards(toy_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Train shards of a toy dataset, as ``dataset/shards`` of the working directory."""
    (tmp_path / "dataset").symlink_to(toy_dataset)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return sorted(Path("dataset/shards").glob("train-*.tar"))


def ours(shards: list[Path]) -> dict[str, Any]:
    return {k: decode_sample(k, f, s.name) for s in shards for k, f in read_tar(s)}


def test_the_page_has_the_three_readers() -> None:
    assert set(SNIPPETS) == {"webdataset", "Hugging Face datasets", "tarfile"}


@pytest.mark.parametrize("reader", sorted(SNIPPETS))
def test_the_documented_snippet_reads_the_last_sample(reader: str, shards: list[Path]) -> None:
    found: dict[str, Any] = {}
    exec(compile(SNIPPETS[reader], str(PAGE), "exec"), found)
    assert found["instruction"] == list(ours(shards).values())[-1].instruction


def test_webdataset_decodes_the_arrays_of_our_reader(shards: list[Path]) -> None:
    import webdataset as wds

    samples = wds.WebDataset([str(path) for path in shards], shardshuffle=False).decode("rgb8")
    read = {sample["__key__"]: sample for sample in samples}
    expected = ours(shards)
    assert read.keys() == expected.keys()
    for key, sample in expected.items():
        assert np.array_equal(read[key]["next.jpg"], sample.next)
        assert np.array_equal(read[key]["mask.png"][..., 0] > 0, sample.mask)
        assert read[key]["json"]["interval_s"] == sample.interval_s


def test_datasets_streams_the_pictures_of_our_reader(shards: list[Path]) -> None:
    from datasets import load_dataset

    files = {"train": [str(path) for path in shards]}
    rows = load_dataset("webdataset", data_files=files, split="train", streaming=True)
    expected = ours(shards)
    read = {row["__key__"]: row for row in rows}
    assert read.keys() == expected.keys()
    for key, sample in expected.items():
        assert np.array_equal(np.array(read[key]["target.jpg"]), sample.target)
        assert np.array_equal(np.array(read[key]["difference.png"]) > 0, sample.difference)


def test_tarfile_finds_a_whole_sample_under_each_key(shards: list[Path]) -> None:
    with tarfile.open(shards[0]) as tar:
        entries = {member.name: tar.extractfile(member).read() for member in tar}  # pyright: ignore
    keys = {name.partition(".")[0] for name in entries}
    assert keys == {key for key, _ in read_tar(shards[0])}
    for key in keys:
        names = {name.partition(".")[2] for name in entries if name.startswith(f"{key}.")}
        assert names == {
            "current.jpg", "next.jpg", "target.jpg", "mask.png", "difference.png", "json"
        }  # fmt: skip
        assert Image.open(io.BytesIO(entries[f"{key}.mask.png"])).mode == "1"
        assert json.loads(entries[f"{key}.json"])["instruction"]
