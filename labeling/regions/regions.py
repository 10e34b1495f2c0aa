"""Region masks of a video's pairs: where a step paints, and where work is left.

M_t = D(next, current, alpha) is the region painted in the step, M_d = D(target, current, alpha)
everything that still differs from the finished painting; D is the LPIPS map cut at alpha = 0.2
(paper, section 3.2). Both are stored losslessly in ``labels/regions/<video_id>.tar``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import encode_mask
from ingest.format.tar import read_tar, write_tar
from labeling.pairs import Pair, read_pairs
from labeling.regions.cleaning import drop_small, level_light
from labeling.regions.record import RegionRecord, StoredRegion, read_region, region_fields

ALPHA = 0.2
"""The paper's threshold of the difference masks D(A, B, alpha), section 3.2."""
REGIONS_VERSION = 1
"""Raised when the code starts to give other masks for the same images."""


class RegionsConfig(Config):
    """Region masks from the perceptual distance."""

    threshold: float = Field(default=ALPHA, gt=0, lt=1)
    """LPIPS distance above which a pixel counts as changed; 0.2 is the paper's alpha."""
    batch_size: int = Field(default=4, ge=1)
    """Pairs that go through the network together; changes speed and memory, not the masks."""
    device: str = "auto"
    """Where the network runs: cpu, cuda or cuda:NUMBER; auto takes a GPU if there is one (give
    tasks a share with labeling.run.num_gpus)."""
    min_area: float = Field(default=0.0, ge=0, lt=1)
    """Connected parts of a mask below this share of the canvas are left out (paper: none are)."""
    level_light: bool = False
    """Compare canvases a second time in one light, told by what the first mask leaves out, so that
    drifting light marks less (paper: no)."""

    @property
    def rule(self) -> str:
        """The rule as provenance names it, for example ``lpips-alex>0.2``."""
        light = "+light" if self.level_light else ""
        area = f"+area>{self.min_area:g}" if self.min_area else ""
        return f"lpips-alex>{self.threshold:g}{light}{area}"


class Distance(Protocol):
    """What measures where canvases differ: `labeling.regions.perceptual.PerceptualDistance`."""

    def features(self, images: np.ndarray) -> list[Any]:
        """Of RGB uint8 (B, H, W, 3) canvases, one of the list each."""
        ...

    def compare(self, first: Sequence[Any], second: Sequence[Any]) -> np.ndarray:
        """Maps float32 (B, H, W) in [0, 1] from the features of B pairs."""
        ...


@dataclass(frozen=True)
class RegionTask:
    """One video to label; what a Ray task gets."""

    root: Path
    video_id: str
    config: RegionsConfig


def label_regions(task: RegionTask) -> dict[str, Any]:
    """Write the masks of one video unless they stand already.

    Returns:
        pairs: their number; fresh: whether they were made now; area: mean share of the canvas.
    """
    dataset, config = Dataset(task.root), task.config
    path = dataset.regions_tar(task.video_id)
    _, pairs = read_pairs(dataset, task.video_id)
    records = _current_records(path, pairs, config)
    is_fresh = records is None
    if records is None:
        stored = list(compute_regions(pairs, config, _distance(config.device)))
        store_regions(dataset, task.video_id, stored)
        records = [item.record for item in stored]
    area = float(np.mean([record.mask_area for record in records])) if records else 0.0
    return {"pairs": len(pairs), "fresh": is_fresh, "area": area}


def store_regions(dataset: Dataset, video_id: str, regions: Sequence[StoredRegion]) -> None:
    """Write the regions of a video, in the order of its pairs."""
    path = dataset.regions_tar(video_id)
    write_tar(path, ((item.record.pair_id, region_fields(item)) for item in regions))


def difference_mask(map: np.ndarray, threshold: float = ALPHA) -> np.ndarray:
    """D(A, B, alpha): bool of the map's shape, true where the distance is above `threshold`."""
    return map > threshold


def compute_regions(
    pairs: Sequence[Pair], config: RegionsConfig, distance: Distance
) -> Iterator[StoredRegion]:
    """The masks of pairs of one size, in batches; holds one batch of images at a time."""
    known: dict[str, Any] = {}
    for start in range(0, len(pairs), config.batch_size):
        batch = pairs[start : start + config.batch_size]
        known = _features(batch, known, distance)
        current, following, target = (
            [known[getattr(pair, name).reference.sha256] for pair in batch]
            for name in ("current", "next", "target")
        )
        steps, rests = distance.compare(following, current), distance.compare(target, current)
        if config.level_light:
            steps = _in_one_light(batch, "next", steps, config, distance)
            rests = _in_one_light(batch, "target", rests, config, distance)
        for pair, step, rest in zip(batch, steps, rests, strict=True):
            mask = drop_small(difference_mask(step, config.threshold), config.min_area)
            difference = drop_small(difference_mask(rest, config.threshold), config.min_area)
            record = RegionRecord(
                pair_id=pair.pair_id,
                content_hash=pair.content_hash,
                rule=config.rule,
                version=REGIONS_VERSION,
                mask_area=_rounded(mask),
                difference_area=_rounded(difference),
                mean_distance=_rounded(step),
                mean_difference=_rounded(rest),
            )
            yield StoredRegion(record, encode_mask(mask), encode_mask(difference))


def _in_one_light(
    batch: Sequence[Pair], name: str, maps: np.ndarray, config: RegionsConfig, distance: Distance
) -> np.ndarray:
    """Maps between the current canvas and the one called `name`, brought into the other's light."""
    others = [getattr(pair, name).image() for pair in batch]
    levelled = [
        level_light(pair.current.image(), other, difference_mask(map, config.threshold))
        for pair, other, map in zip(batch, others, maps, strict=True)
    ]
    return distance.compare(
        distance.features(np.stack(others)), distance.features(np.stack(levelled))
    )


def _features(
    batch: Sequence[Pair], known: Mapping[str, Any], distance: Distance
) -> dict[str, Any]:
    """Features of the batch's canvases by content; each canvas goes through the network once,
    because the next canvas of a pair is the current one of the pair after it."""
    canvases = {
        canvas.reference.sha256: canvas
        for pair in batch
        for canvas in (pair.current, pair.next, pair.target)
    }
    new = [key for key in canvases if key not in known]
    made = distance.features(np.stack([canvases[key].image() for key in new])) if new else []
    return {**{k: known[k] for k in canvases if k in known}, **dict(zip(new, made, strict=True))}


def read_regions(dataset: Dataset, video_id: str) -> dict[str, StoredRegion]:
    """Regions of a video by pair id.

    Raises:
        UserError: they were not made yet, or the file is damaged.
    """
    path = dataset.regions_tar(video_id)
    if not path.is_file():
        raise UserError(
            f"video {video_id} has no region masks: run `python -m labeling regions {dataset.root}`"
        )
    regions = (read_region(key, fields, str(path)) for key, fields in read_tar(path))
    return {region.record.pair_id: region for region in regions}


def region_of(
    pair: Pair, regions: Mapping[str, StoredRegion], config: RegionsConfig, dataset: Dataset
) -> StoredRegion:
    """The region of a pair, checked to belong to its images and to the configured rule."""
    region = regions.get(pair.pair_id)
    if region is None or not _fits(region.record, pair, config):
        problem = "no region mask" if region is None else f"a region mask of {_made(region)}"
        raise UserError(
            f"pair {pair.pair_id} has {problem}, expected one of its images by {config.rule}: run "
            f"`python -m labeling regions {dataset.root}`"
        )
    return region


@functools.lru_cache(maxsize=1)
def _distance(device: str) -> Distance:
    """One network a worker process, shared by all of its tasks."""
    import torch

    from labeling.devices import pick_device
    from labeling.regions.perceptual import PerceptualDistance

    # Sums in another number of threads differ in the last bit, and then so may a mask.
    torch.set_num_threads(1)
    return PerceptualDistance(str(pick_device(device)))


def _current_records(
    path: Path, pairs: Sequence[Pair], config: RegionsConfig
) -> list[RegionRecord] | None:
    """The stored records if they are those of these pairs and this rule, else None."""
    if not path.is_file():
        return None
    try:
        records = [read_region(k, f, str(path)).record for k, f in read_tar(path)]
    except UserError:
        return None  # damaged or of another version: made again
    if len(records) != len(pairs):
        return None
    is_current = all(
        record.pair_id == pair.pair_id and _fits(record, pair, config)
        for record, pair in zip(records, pairs, strict=True)
    )
    return records if is_current else None


def _fits(record: RegionRecord, pair: Pair, config: RegionsConfig) -> bool:
    ours = (pair.content_hash, config.rule, REGIONS_VERSION)
    return (record.content_hash, record.rule, record.version) == ours


def _made(region: StoredRegion) -> str:
    record = region.record
    return f"content {record.content_hash[:8]} by {record.rule} (version {record.version})"


def _rounded(values: np.ndarray) -> float:
    """Mean to six digits: enough for people, and the same on every machine's summation."""
    return round(float(values.mean(dtype=np.float64)), 6)
