"""``python -m training.benchmark.data_loading``: compares the speed of `ShardStream` with decoding
alone and with other data loaders."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.conventions import cli
from labeling.benchmark.measure import Measure

app = cli.new_app("Samples a second on one core, decoded, of this stream and of others.")

OTHER_LOADERS = (
    "python -m pip install --no-deps --target FOLDER mosaicml-streaming litdata "
    "brotli python-snappy cramjam zstd xxhash catalogue lightning-utilities"
)
"""pip command that installs the other loaders and those of their imports that this project lacks.
With all their requirements pip would install a second NumPy and transformers."""

DECODE_ONLY = "bare decode"
"""Name of decoding every image of a sample without loading anything else."""
OURS = "ours"
"""Name of `ShardStream` with its image cache."""
UNCACHED = "ours, no cache"
"""Name of `ShardStream` without its image cache."""


@app.command()
def benchmark(
    videos: Annotated[int, typer.Option(help="Paintings of 26 pairs, 512 x 640 px")] = 10,
    rounds: Annotated[int, typer.Option(help="Rounds in which all take turns")] = 3,
    other_loaders: Annotated[
        Path | None,
        typer.Option("--rivals", help=f"Folder with the other loaders: {OTHER_LOADERS}"),
    ] = None,
    json_: cli.JsonOption = None,
) -> None:
    """Print a line per loader, and write every figure as JSON."""
    if other_loaders is not None:
        sys.path.append(str(other_loaders))
    speeds, missing = measure_speeds(videos, rounds)
    rows = rows_of(speeds)
    for name, speed in speeds.items():
        print(f"{name}: {speed:.1f} samples/s (CPU time of one core)")
    for name, why in missing.items():
        print(f"{name}: not measured: {why}")
    for row in rows:
        print(f"{row.name}: {row.value:.2f} {'reached' if row.is_reached else 'not reached'}")
    cli.write_result(
        json_,
        {
            "measures": [asdict(row) | {"reached": row.is_reached} for row in rows],
            "samples_per_s": speeds,
            "not_measured": missing,
        },
    )


def measure_speeds(videos: int, rounds: int) -> tuple[dict[str, float], dict[str, str]]:
    """Samples per second of CPU time by loader (medians), and the error of loaders that failed."""
    import cv2
    import torch

    from labeling.benchmark.corpus import make_corpus
    from labeling.benchmark.measure import measure_interleaved
    from labeling.pipeline import run_shards
    from labeling.settings import LabelingConfig
    from training.streaming.malloc_settings import keep_freed_memory

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    keep_freed_memory()  # for all loaders, not for ours alone
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dataset = make_corpus(root / "dataset", videos, 27, (512, 640))
        config = LabelingConfig.model_validate({"shards": {"samples_per_shard": 104}})
        run_shards(dataset.root, config)
        ways, missing = _loaders(dataset.root, root)
        for run in ways.values():
            run()  # warm up: files in the page cache, modules loaded
        times = measure_interleaved(ways, rounds)
    return {name: videos * 26 / time.cpu_s for name, time in times.items()}, missing


def rows_of(speeds: Mapping[str, float]) -> list[Measure]:
    """Ratios of our speed, with and without cache, to decoding alone and to each other loader."""
    rows = []
    for name, label in ((OURS, "stream"), (UNCACHED, "stream without its cache")):
        ratio = speeds[name] / speeds[DECODE_ONLY]
        rows.append(Measure(f"{label} over bare decode", ratio, "x", 0.9, True))
        for other in speeds:
            if other not in (DECODE_ONLY, OURS, UNCACHED):
                ratio = speeds[name] / speeds[other]
                rows.append(Measure(f"{label} over {other}", ratio, "x", 1, True))
    return rows


def _loaders(
    dataset: Path, scratch: Path
) -> tuple[dict[str, Callable[[], object]], dict[str, str]]:
    """A function that loads all samples, by loader, and the error of loaders that failed."""
    ways: dict[str, Callable[[], object]] = {
        DECODE_ONLY: lambda: _decode_only(dataset),
        OURS: lambda: _ours(dataset, 256),
        UNCACHED: lambda: _ours(dataset, 0),
        "webdataset": lambda: _webdataset(dataset),
    }
    missing: dict[str, str] = {}
    for name, make in (("mosaicml-streaming", _mosaic), ("litdata", _litdata)):
        try:
            ways[name] = make(dataset, scratch / name)
        except Exception as error:  # reported, whatever another package raises
            missing[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return ways, missing


def _samples(dataset: Path) -> Iterator[dict[str, bytes]]:
    from training.streaming.stream import read_index, read_shards

    for raw in read_shards(read_index(dataset, "train")):
        yield {"__key__": raw.key.encode(), **raw.fields}


def _decode_only(dataset: Path) -> None:
    """Decode every image of every sample by OpenCV, without keeping or stacking it."""
    import cv2
    import numpy as np

    for fields in _samples(dataset):
        for name, data in fields.items():
            if name.endswith((".jpg", ".png")):
                flag = cv2.IMREAD_GRAYSCALE if name.startswith(("mask", "diff")) else 1
                cv2.imdecode(np.frombuffer(data, np.uint8), flag)


def _ours(dataset: Path, cache_mb: int) -> None:
    from training.networks.presets import POCKET
    from training.streaming.batch import Position
    from training.streaming.stream import DataConfig, ShardStream

    preset = POCKET.model_copy(update={"image_side_px": 512})
    config = DataConfig(decode_threads=0, cache_mb=cache_mb)
    stream = ShardStream(dataset, "train", preset, config, 4, 0)
    for _ in itertools.islice(stream.batches(Position()), stream.num_samples // 4):
        pass


def _webdataset(dataset: Path) -> None:
    """Load by webdataset, shuffled, decoded by Pillow: its "rgb8" would give masks 3 channels."""
    import numpy as np
    from webdataset.compat import WebDataset

    shards = [str(path) for path in sorted((dataset / "shards").glob("train-*.tar"))]
    # Its type annotations lack methods that are attached at run time.
    dataset_stream: Any = WebDataset(shards, shardshuffle=False, empty_check=False)
    for sample in dataset_stream.shuffle(256).decode("pil"):
        for name, value in sample.items():
            if name.endswith(("jpg", "png")):
                np.asarray(value)


def _columns(fields: dict[str, bytes]) -> dict[str, Any]:
    """A sample's images by name without suffix, and its record."""
    pictures = {n.partition(".")[0]: d for n, d in fields.items() if n.endswith(("jpg", "png"))}
    return {**pictures, "record": json.loads(fields["json"])}


def _mosaic(dataset: Path, out: Path) -> Callable[[], object]:
    """A MosaicML loader of the same files, stored as bytes (its JPEG column would encode them
    again) and decoded by Pillow, as it does."""
    from streaming import MDSWriter, StreamingDataset  # pyright: ignore
    from streaming.base.util import (  # pyright: ignore[reportMissingImports]
        clean_stale_shared_memory,
    )

    clean_stale_shared_memory()  # left by a killed run, it would block this one
    names = ("current", "next", "target", "mask", "difference")
    with MDSWriter(out=str(out), columns={**dict.fromkeys(names, "bytes"), "record": "json"}) as w:
        for fields in _samples(dataset):
            w.write(_columns(fields))
    stream: Any = StreamingDataset(local=str(out), shuffle=True, batch_size=4)

    def run() -> None:
        for sample in stream:
            for name in names:
                _pil(sample[name])

    return run


def _litdata(dataset: Path, out: Path) -> Callable[[], object]:
    """A litdata loader of the same files, stored as bytes and decoded by Pillow."""
    from litdata import StreamingDataset  # pyright: ignore[reportMissingImports]
    from litdata.streaming.cache import Cache  # pyright: ignore[reportMissingImports]

    names = ("current", "next", "target", "mask", "difference")
    out.mkdir(parents=True)
    cache = Cache(str(out), chunk_bytes="64MB")
    for number, fields in enumerate(_samples(dataset)):
        columns = _columns(fields)
        cache[number] = {**columns, "record": json.dumps(columns["record"])}
    cache.done()
    cache.merge()

    def run() -> None:
        stream: Any = StreamingDataset(str(out), shuffle=True)
        for sample in stream:
            json.loads(sample["record"])
            for name in names:
                _pil(sample[name])

    return run


def _pil(data: bytes) -> Any:
    import io

    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)))


if __name__ == "__main__":
    cli.run_app(app)
