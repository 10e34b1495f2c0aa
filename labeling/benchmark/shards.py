"""Measures the shard build against `tar`, and the shards rewritten after corrections."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path

from ingest.conventions.config import config_hash
from ingest.format.dataset import Dataset
from ingest.format.tar import read_tar
from labeling.benchmark.corpus import make_corpus
from labeling.benchmark.measure import Measure, measure_interleaved
from labeling.corrections.corrections import Correction, append_corrections
from labeling.instructions.table import Instruction, read_table
from labeling.pipeline import run_shards
from labeling.settings import LabelingConfig
from labeling.shards.plan import PlannedShard, PlanTask, assign_shards, plan_video
from labeling.shards.write import build_shard

SIZE = (512, 640)
"""Height and width of the canvases of `measure_build`."""
SMALL_SIZE = (32, 40)
"""Height and width of the canvases of `measure_corrections`."""
KEYFRAMES = 27
"""Keyframes of each video."""


def measure_build(scratch: Path, num_videos: int, rounds: int) -> Measure:
    """Time of a build in one process over that of `tar` on the same bytes.

    The build plans, reads keyframes and labels, packs, hashes and syncs.
    """
    dataset = make_corpus(scratch / "build", num_videos, KEYFRAMES, SIZE)
    table = read_table(dataset)
    shards = _build(dataset, table)
    folder = scratch / "files"
    for shard in shards:
        _unpack(dataset.shards / shard.name, folder / shard.name)
    num_bytes = sum((dataset.shards / shard.name).stat().st_size for shard in shards)

    def plain_tar() -> None:
        for shard in shards:
            path = scratch / f"plain-{shard.name}"
            subprocess.run(["tar", "-cf", path, "-C", folder / shard.name, "."], check=True)
            with path.open("rb") as file:
                os.fsync(file.fileno())

    times = measure_interleaved({"build": lambda: _build(dataset, table), "tar": plain_tar}, rounds)
    return Measure(
        "shard build over plain tar of the same bytes, time",
        times["build"].wall_s / times["tar"].wall_s,
        "x", 1.3, False, "both flushed to disk", {
            "megabytes": num_bytes / 1e6, "shards": len(shards),
            "build_s": times["build"].wall_s, "tar_s": times["tar"].wall_s,
            "build_cpu_s": times["build"].cpu_s, "tar_cpu_s": times["tar"].cpu_s,
        },
    )  # fmt: skip


def measure_corrections(scratch: Path, num_pairs: int, num_corrections: int) -> Measure:
    """Number of shards that the command writes again after some labels were corrected."""
    num_videos = -(-num_pairs // (KEYFRAMES - 1))
    dataset = make_corpus(scratch / "corrections", num_videos, KEYFRAMES, SMALL_SIZE)
    first = run_shards(dataset.root, LabelingConfig())
    table = list(read_table(dataset).values())
    step = max(1, len(table) // num_corrections)
    chosen = table[::step][:num_corrections]
    append_corrections(dataset, [_corrected(label) for label in chosen])
    before = {path.name: path.stat().st_mtime_ns for path in dataset.shards.glob("*.tar")}
    again = run_shards(dataset.root, LabelingConfig())
    now = {path.name: path.stat().st_mtime_ns for path in dataset.shards.glob("*.tar")}
    rewritten = sorted(name for name in now if now[name] != before.get(name))
    assert rewritten == again["written"]
    sizes = {name: (dataset.shards / name).stat().st_size for name in now}
    return Measure(
        f"shards written after {num_corrections} corrections in {len(table)} pairs",
        float(len(rewritten)), "shards", float(num_corrections), False, "", {
            "shards": len(now), "first_written": len(first["written"]),
            "bytes_written": sum(sizes[name] for name in rewritten),
            "bytes_of_a_full_build": sum(sizes.values()),
            "bytes_of_index_and_tables": sum(
                path.stat().st_size for path in dataset.shards.iterdir() if path.suffix != ".tar"
            ),
            "changed_samples": again["changed_samples"],
        },
    )  # fmt: skip


def _build(dataset: Dataset, table: dict[str, Instruction]) -> list[PlannedShard]:
    """Plan and write all shards in this process."""
    config = LabelingConfig()
    labels: dict[str, dict[str, Instruction]] = defaultdict(dict)
    for label in table.values():
        labels[label.video_id][label.pair_id] = label
    shards_config_hash = config_hash(config.regions, config.shards)
    videos = [
        plan_video(
            PlanTask(
                dataset.root,
                video,
                labels[video],
                {},
                config.regions,
                shards_config_hash,
                config.shards,
            )
        )
        for video in dataset.video_ids()
    ]
    shards = assign_shards(dataset.root, videos, config.shards)
    for shard in shards:
        build_shard(shard)
    return shards


def _unpack(shard: Path, folder: Path) -> None:
    """Write every field of a shard as a file."""
    folder.mkdir(parents=True)
    for key, fields in read_tar(shard):
        for name, data in fields.items():
            (folder / f"{key}.{name}").write_bytes(data)


def _corrected(label: Instruction) -> Correction:
    return Correction(
        pair_id=label.pair_id, content_hash=label.content_hash, verdict="correct",
        instruction="castle", reviewer="benchmark", note="", machine_instruction=label.text,
    )  # fmt: skip
