"""Reads the seconds between canvases of the first samples of a split, wherever its shards lie."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from ingest.format.tar_ranges import fields_in
from ingest.sources.file_systems import RemoteConfig
from training.streaming.sample_list import SampleList
from training.streaming.sample_source import SampleSource

READS = 8
"""Number of samples that are requested at once."""


def read_intervals_s(samples: SampleList, remote: RemoteConfig, limit: int) -> list[float]:
    """Seconds between current and next canvas of the first `limit` samples.

    Raises:
        UserError: a shard that is missing, or whose server does not answer.
        TarDamage: a damaged shard.
    """
    source = SampleSource(remote)

    def interval_s(row: int) -> float:
        path = str(samples.shards[int(samples.shard[row])].path)
        data = source.read(path, int(samples.offset[row]), int(samples.num_bytes[row]))
        fields = fields_in(data, samples.keys[row], path)
        return float(json.loads(fields["json"])["interval_s"])

    with ThreadPoolExecutor(READS) as pool:
        intervals = list(pool.map(interval_s, range(min(len(samples), limit))))
    source.close()
    return intervals
