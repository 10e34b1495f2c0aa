"""Reads a build of the shards from where people keep it, to compare it with another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.corrections.corrections import effective_corrections, read_corrections
from labeling.shards.diff import Change, compare_builds
from labeling.shards.index import ShardIndex, read_index_file, read_samples
from labeling.shards.sample_table import SampleRow, rows_of_tar


@dataclass(frozen=True)
class Build:
    """One build of the shards."""

    samples: Sequence[SampleRow]
    rejected: dict[str, str]
    """Reviewer by pair id; empty where the folder lies apart from its dataset."""


def diff_builds(before: Path, after: Path) -> list[Change]:
    """The changes between two builds, each given as `open_build` takes it. Raises UserError."""
    old, new = open_build(before), open_build(after)
    why = {pair: f"rejected by human:{reviewer}" for pair, reviewer in new.rejected.items()}
    return compare_builds(old.samples, new.samples, why)


def open_build(given: Path) -> Build:
    """Read a build.

    Args:
        given: a dataset, a folder of shards anywhere and of any name, or its `index.json`.

    Raises:
        UserError: there are no shards, or not all of their files are there.
    """
    folder = _folder_of(given)
    index = read_index_file(folder / "index.json", f"build or copy the shards of {given}")
    dataset, rejected = Dataset(folder.parent), {}
    if dataset.shards == folder:
        corrections = effective_corrections(read_corrections(dataset)).values()
        rejected = {c.pair_id: c.reviewer for c in corrections if c.verdict == "reject"}
    return Build(_samples(folder, index), rejected)


def _folder_of(given: Path) -> Path:
    """The folder that holds `index.json`. Raises UserError."""
    if given.name == "index.json" and given.is_file():
        return given.parent
    for folder in (given, Dataset(given).shards):
        if (folder / "index.json").is_file():
            return folder
    if not given.is_dir():
        advice = "give a dataset, or a folder of shards"
    elif any(given.glob("*.tar")):
        advice = "copy index.json and samples.parquet of these shards too"
    elif Dataset(given).keyframes.is_dir():
        advice = f"build them with `python -m labeling shards {given}`"
    else:
        advice = "give a dataset, or a folder of shards with its index.json"
    raise UserError(f"{given} holds no shards (no index.json): {advice}")


def _samples(folder: Path, index: ShardIndex) -> list[SampleRow]:
    """The rows of the table of samples, or of the tars if the table was not copied."""
    if index.samples is None or (folder / index.samples.name).exists():
        return read_samples(folder, index)
    missing = [entry.name for entry in index.shards if not (folder / entry.name).is_file()]
    if missing:
        raise UserError(
            f"{folder} lacks {index.samples.name} and {missing[0]}: copy {index.samples.name}, "
            "or all shards, to where index.json is"
        )
    return [row for entry in index.shards for row in rows_of_tar(folder / entry.name)]
