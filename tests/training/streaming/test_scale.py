"""The loader with workers, ranks, servers, resuming in mid-epoch and damaged samples."""

from __future__ import annotations

import functools
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.conventions.atomic import write_json
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import decode_image, sha256
from ingest.format.tar import read_tar
from labeling.shards.migrate import migrate
from labeling.shards.sample_table import decode_rows, encode_rows

if TYPE_CHECKING:
    from training.networks.presets import Preset
    from training.streaming.batch import Batch

pytestmark = pytest.mark.torch


@pytest.fixture
def dataset(make_toy_dataset: Callable[..., Path], tmp_path: Path) -> Path:
    """24 train samples in two shards, with their table."""
    root = make_toy_dataset(tmp_path / "d", num_train=6, num_val=1, size=(64, 80))
    migrate(Dataset(root))
    return root


def stream(dataset: Path | str, preset: Preset, **settings: Any):
    from training.streaming.stream import DataConfig, ShardStream

    config = DataConfig.model_validate({"shuffle_samples": 12, **settings})
    return ShardStream(dataset, "train", preset, config, 5, 3)


def take(source: Any, number: int, start: Any = None, **ranks: int) -> list[Batch]:
    from training.streaming.batch import Position

    return list(itertools.islice(source.batches(start or Position(), **ranks), number))


def contents(batches: list[Batch]) -> list[tuple[Any, ...]]:
    return [(b.keys, b.seeds, b.position, float(b.current.sum())) for b in batches]


def rewrite_index(root: Path, change: Callable[[dict], None]) -> None:
    path = root / "shards" / "index.json"
    index = json.loads(path.read_text())
    change(index)
    write_json(path, index)


def rewrite_table(root: Path, change: Callable[[list], list]) -> None:
    path = root / "shards" / "samples.parquet"
    data = encode_rows(change(decode_rows(path.read_bytes(), "table")))
    path.write_bytes(data)
    rewrite_index(root, lambda index: index["samples"].update(sha256=sha256(data)))


def damage(root: Path, number: int) -> list[str]:
    """Spoil an image of the first `number` samples in their shards; sizes stay. Their keys."""
    rows = decode_rows((root / "shards" / "samples.parquet").read_bytes(), "table")[:number]
    for row in rows:
        path = root / "shards" / row.shard
        data = bytearray(path.read_bytes())
        data[row.offset + 512 : row.offset + 1024] = bytes(512)
        path.write_bytes(data)
    return [row.key for row in rows]


def test_order_and_pixels_do_not_depend_on_who_decodes(dataset: Path, small_preset: Preset) -> None:
    import torch

    plain = take(stream(dataset, small_preset, decode_threads=0, cache_mb=0), 12)
    assert contents(take(stream(dataset, small_preset, workers=2), 12)) == contents(plain)
    assert contents(take(stream(dataset, small_preset, decode_threads=3), 12)) == contents(plain)
    fields = dict(read_tar(dataset / "shards" / "train-000000.tar"))
    fields |= dict(read_tar(dataset / "shards" / "train-000001.tar"))
    image = decode_image(fields[plain[0].keys[0]]["target.jpg"]).astype(np.float32)
    target = plain[0].to(torch.device("cpu")).target[0].numpy()
    assert np.array_equal(target, image.transpose(2, 0, 1) / 127.5 - 1)
    seen = [key for batch in plain[:5] for key in batch.keys]
    assert sorted(seen) == sorted(k for k in fields if k in set(seen))
    assert len(set(seen)) == 24


def test_resumes_in_mid_epoch_with_other_workers_and_ranks(
    dataset: Path, small_preset: Preset
) -> None:
    whole = take(stream(dataset, small_preset), 12)
    for stop, workers in ((3, 2), (5, 0), (7, 1)):
        again = stream(dataset, small_preset, workers=workers)
        rest = take(again, 12 - stop, whole[stop - 1].position)
        assert contents(rest) == contents(whole[stop:])
    # Two ranks, then one that goes on where either of them stood.
    ranks = [take(stream(dataset, small_preset), 3, rank=r, num_ranks=2) for r in (0, 1)]
    batches_of_rank = [batch.keys for round in zip(*ranks, strict=True) for batch in round]
    assert batches_of_rank == [batch.keys for batch in whole[:6]]
    assert ranks[0][-1].position == ranks[1][-1].position == whole[5].position


def test_resuming_reads_nothing_of_what_is_over(
    dataset: Path, small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.streaming.sample_source import SampleSource

    whole = take(stream(dataset, small_preset), 4)
    count = []
    read = SampleSource.read
    monkeypatch.setattr(
        SampleSource, "read", lambda self, *place: (count.append(place), read(self, *place))[1]
    )
    take(stream(dataset, small_preset, decode_threads=0), 1, whole[-1].position)
    assert len(count) == 4


def test_a_damaged_sample_is_left_out_by_name(
    dataset: Path, small_preset: Preset, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = take(stream(dataset, small_preset), 10)
    bad = damage(dataset, 2)
    source = stream(dataset, small_preset, workers=1)
    batches = take(source, 10)
    assert [b.keys for b in batches] == [[k for k in b.keys if k not in bad] for b in whole]
    assert sorted(source.damaged) == sorted(bad)
    assert [b.position for b in batches] == [b.position for b in whole]
    error = capfd.readouterr().err
    assert error.count("left out a damaged sample") == 2
    assert "train-000000.tar" in error
    assert bad[0] in error
    with pytest.raises(UserError, match=r"2 samples are damaged.*max_damaged is 1"):
        take(stream(dataset, small_preset, max_damaged=1), 10)


def test_a_batch_that_is_damaged_as_a_whole_gets_a_stand_in(
    dataset: Path, small_preset: Preset
) -> None:
    from training.streaming.batch import Position
    from training.streaming.epoch_order import PlannedBatch

    bad = damage(dataset, 3)
    loaded = stream(dataset, small_preset).load(PlannedBatch(0, (0, 1), Position(0, 1, 2)))
    assert loaded.batch is not None
    assert loaded.batch.keys == [stream(dataset, small_preset).samples.keys[3]]
    assert sorted(loaded.damaged) == sorted(bad)
    damage(dataset, 24)
    with pytest.raises(UserError, match="no sound sample is left"):
        take(stream(dataset, small_preset, max_damaged=50), 1)


def test_mirrored_samples_are_mirrored_as_a_whole(dataset: Path, small_preset: Preset) -> None:
    plain, turned = (take(stream(dataset, small_preset, mirror=m), 5) for m in (False, True))
    count = 0
    for one, other in zip(plain, turned, strict=True):
        for i, seed in enumerate(one.seeds):
            for name in ("current", "next", "target", "mask", "difference"):
                image = getattr(one, name)[i]
                expected = image.flip(-1) if seed & 1 else image
                assert bool((getattr(other, name)[i] == expected).all())
            count += seed & 1
    assert 0 < count < 24


def test_wrong_tables_and_tars_are_one_error_with_shard_and_key(
    dataset: Path, small_preset: Preset
) -> None:
    def shifted(rows: list) -> list:
        return [row._replace(offset=row.offset + 512) for row in rows]

    original = (dataset / "shards" / "samples.parquet").read_bytes()
    rewrite_table(dataset, shifted)
    with pytest.raises(UserError, match=r"no sound sample.*train-000000|samples are damaged"):
        take(stream(dataset, small_preset), 10)
    rewrite_table(dataset, lambda rows: [rows[0], *rows])
    with pytest.raises(UserError, match=r"sample '0+-k0000.*there twice, in train-000000\.tar"):
        stream(dataset, small_preset)
    (dataset / "shards" / "samples.parquet").write_bytes(original)
    rewrite_table(dataset, lambda rows: rows[2:])
    with pytest.raises(UserError, match=r"train-000000\.tar holds \d+ samples, the index says"):
        stream(dataset, small_preset)
    (dataset / "shards" / "samples.parquet").write_bytes(original)
    with pytest.raises(UserError, match=r"not the one that index\.json names"):
        stream(dataset, small_preset)
    rewrite_index(dataset, lambda index: index.update(schema_version="2.0"))
    with pytest.raises(UserError, match=r"got 2\.0, this code reads 1\.x"):
        stream(dataset, small_preset)
    rewrite_index(dataset, lambda index: index.update(schema_version="1.7", samples=None, new=1))
    shard = dataset / "shards" / "train-000000.tar"
    whole = shard.read_bytes()
    assert stream(dataset, small_preset).num_samples == 24, "a later minor version is read"
    shard.write_bytes(whole[: whole.rindex(b"json") - 20_000])
    rewrite_index(dataset, lambda i: i["shards"][0].update(num_bytes=shard.stat().st_size))
    with pytest.raises(UserError, match=r"train-000000\.tar is cut short (in|after) sample '0"):
        stream(dataset, small_preset)


@pytest.fixture
def s3(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The dataset in a bucket of a real S3 server on loopback."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
    client.create_bucket(Bucket="shards")
    for path in sorted((dataset / "shards").iterdir()):
        client.put_object(Bucket="shards", Key=f"d/shards/{path.name}", Body=path.read_bytes())
    yield "s3://shards/d"
    server.stop()


@pytest.fixture
def web(dataset: Path) -> Iterator[str]:
    """The dataset behind a web server that knows no ranges."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(dataset.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/d"
    server.shutdown()
    server.server_close()


def test_the_command_trains_from_a_server_as_from_disk(
    dataset: Path, web: str, tmp_path: Path
) -> None:
    """The median interval is read there, too."""
    from training.run import run_training

    settings = [
        "training.image_side_px=64",
        *(f"training.mask.loop.{key}=1" for key in ("max_steps", "batch_size")),
    ]
    for name, address in (("disk", dataset), ("web", Path(web))):
        run_training("mask", address, tmp_path / name, overrides=settings)
    disk, server = (
        [path.read_bytes() for path in sorted((tmp_path / name / "parts").rglob("*.safetensors"))]
        for name in ("disk", "web")
    )
    assert disk == server


def test_streams_from_s3_and_http_as_from_disk(
    dataset: Path, small_preset: Preset, s3: str, web: str
) -> None:
    local = take(stream(dataset, small_preset), 6)
    remote = {"attempts": 2, "pause_s": 0.01}
    # A path has made one slash of two.
    for address in (s3, Path(s3), web):
        assert contents(take(stream(address, small_preset, remote=remote), 6)) == contents(local)
    with pytest.raises(UserError, match=r"s3://shards/none/shards/index\.json not found"):
        stream("s3://shards/none", small_preset, remote=remote)
