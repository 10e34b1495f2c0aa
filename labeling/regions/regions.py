"""Computes the region masks of a video's pairs from LPIPS maps, and stores them.

M_t = D(next, current, alpha) is the region painted in the step. M_d = D(target, current, alpha) is
the region that still differs from the finished painting. D is the LPIPS map thresholded at alpha =
0.2 (paper, section 3.2). Both are stored losslessly in ``labels/regions/<video_id>.tar``.
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
from labeling.regions.cleaning import drop_small, match_illumination
from labeling.regions.record import RegionRecord, StoredRegion, read_region, region_fields

ALPHA = 0.2
"""The paper's threshold of the difference masks D(A, B, alpha), section 3.2."""
REGIONS_VERSION = 1
"""Version of the algorithm; increased when the same images give other masks."""


class RegionsConfig(Config):
    """Region masks from the perceptual distance."""

    threshold: float = Field(default=ALPHA, gt=0, lt=1)
    """LPIPS distance above which a pixel counts as changed; 0.2 is the paper's alpha."""
    batch_size: int = Field(default=4, ge=1)
    """Pairs in one forward pass; changes speed and memory, not the masks."""
    device: str = "auto"
    """Device of the network: cpu, cuda or cuda:NUMBER; auto takes a GPU if there is one (give
    tasks a share with labeling.run.num_gpus)."""
    min_area: float = Field(default=0.0, ge=0, lt=1)
    """Connected components of a mask below this share of the canvas are dropped (paper: none)."""
    level_light: bool = False
    """Compute the mask a second time with the illumination of the two canvases matched outside the
    first mask, so that changing light marks less (paper: no)."""

    @property
    def rule(self) -> str:
        """The settings that decide the masks, as in provenance: ``lpips-alex>0.2``."""
        light = "+light" if self.level_light else ""
        area = f"+area>{self.min_area:g}" if self.min_area else ""
        return f"lpips-alex>{self.threshold:g}{light}{area}"


class Distance(Protocol):
    """A distance map between canvases: `labeling.regions.perceptual.PerceptualDistance`."""

    def features(self, images: np.ndarray) -> list[Any]:
        """The features of each canvas of a batch, RGB uint8 (B, H, W, 3)."""
        ...

    def compare(self, first: Sequence[Any], second: Sequence[Any]) -> np.ndarray:
        """Distance maps between B pairs of features: float32 (B, H, W) in [0, 1]."""
        ...


@dataclass(frozen=True)
class RegionTask:
    """Input of the Ray task that computes the masks of one video."""

    root: Path
    video_id: str
    config: RegionsConfig


def label_regions(task: RegionTask) -> dict[str, Any]:
    """Compute and store the masks of one video unless they are up to date.

    Returns:
        ``pairs``: their number; ``fresh``: whether they were computed now; ``area``: mean share of
        the canvas in a mask.
    """
    dataset, config = Dataset(task.root), task.config
    path = dataset.regions_tar(task.video_id)
    _, pairs = read_pairs(dataset, task.video_id)
    records = _current_records(path, pairs, config)
    is_fresh = records is None
    if records is None:
        regions = list(compute_regions(pairs, config, _distance(config.device)))
        store_regions(dataset, task.video_id, regions)
        records = [region.record for region in regions]
    area = float(np.mean([record.mask_area for record in records])) if records else 0.0
    return {"pairs": len(pairs), "fresh": is_fresh, "area": area}


def store_regions(dataset: Dataset, video_id: str, regions: Sequence[StoredRegion]) -> None:
    """Write the regions of a video, in the order of its pairs."""
    path = dataset.regions_tar(video_id)
    write_tar(path, ((item.record.pair_id, region_fields(item)) for item in regions))


def difference_mask(map: np.ndarray, threshold: float = ALPHA) -> np.ndarray:
    """D(A, B, alpha): bool of the map's shape, True where the distance exceeds `threshold`."""
    return map > threshold


def compute_regions(
    pairs: Sequence[Pair], config: RegionsConfig, distance: Distance
) -> Iterator[StoredRegion]:
    """Compute the masks of pairs of one size, holding the features of one batch at a time."""
    features: dict[str, Any] = {}
    for start in range(0, len(pairs), config.batch_size):
        batch = pairs[start : start + config.batch_size]
        features = _batch_features(batch, features, distance)
        current, following, target = (
            [features[getattr(pair, name).reference.sha256] for pair in batch]
            for name in ("current", "next", "target")
        )
        step_maps = distance.compare(following, current)
        target_maps = distance.compare(target, current)
        if config.level_light:
            step_maps = _relit_distances(batch, "next", step_maps, config, distance)
            target_maps = _relit_distances(batch, "target", target_maps, config, distance)
        for pair, step_map, target_map in zip(batch, step_maps, target_maps, strict=True):
            mask = drop_small(difference_mask(step_map, config.threshold), config.min_area)
            difference = drop_small(difference_mask(target_map, config.threshold), config.min_area)
            record = RegionRecord(
                pair_id=pair.pair_id,
                content_hash=pair.content_hash,
                rule=config.rule,
                version=REGIONS_VERSION,
                mask_area=_rounded_mean(mask),
                difference_area=_rounded_mean(difference),
                mean_distance=_rounded_mean(step_map),
                mean_difference=_rounded_mean(target_map),
            )
            yield StoredRegion(record, encode_mask(mask), encode_mask(difference))


def _relit_distances(
    batch: Sequence[Pair], name: str, maps: np.ndarray, config: RegionsConfig, distance: Distance
) -> np.ndarray:
    """Distance maps after the current canvas got the illumination of the other one.

    Args:
        name: the other canvas: ``next`` or ``target``.
        maps: distance maps without that correction, float32 (B, H, W).
    """
    others = [getattr(pair, name).image() for pair in batch]
    relit = [
        match_illumination(pair.current.image(), other, difference_mask(map, config.threshold))
        for pair, other, map in zip(batch, others, maps, strict=True)
    ]
    return distance.compare(distance.features(np.stack(others)), distance.features(np.stack(relit)))


def _batch_features(
    batch: Sequence[Pair], known: Mapping[str, Any], distance: Distance
) -> dict[str, Any]:
    """Features of the canvases of a batch, by image hash.

    Consecutive pairs share canvases, so features in `known` (of the batch before) are reused.
    """
    canvases = {
        canvas.reference.sha256: canvas
        for pair in batch
        for canvas in (pair.current, pair.next, pair.target)
    }
    new = [key for key in canvases if key not in known]
    computed = distance.features(np.stack([canvases[key].image() for key in new])) if new else []
    reused = {key: known[key] for key in canvases if key in known}
    return {**reused, **dict(zip(new, computed, strict=True))}


def read_regions(dataset: Dataset, video_id: str) -> dict[str, StoredRegion]:
    """Read the regions of a video, by pair id.

    Raises:
        UserError: there are none yet, or the file is damaged.
    """
    path = dataset.regions_tar(video_id)
    if not path.is_file():
        raise UserError(
            f"video {video_id} has no region masks: run `python -m labeling regions {dataset.root}`"
        )
    regions = (read_region(key, fields, str(path)) for key, fields in read_tar(path))
    return {region.record.pair_id: region for region in regions}


def matching_region(
    pair: Pair, regions: Mapping[str, StoredRegion], config: RegionsConfig, dataset: Dataset
) -> StoredRegion:
    """The region of a pair.

    Raises:
        UserError: there is none, or it was computed from other images or by another rule.
    """
    region = regions.get(pair.pair_id)
    if region is None or not _is_current(region.record, pair, config):
        problem = "no region mask" if region is None else f"a region mask of {_origin(region)}"
        raise UserError(
            f"pair {pair.pair_id} has {problem}, expected one of its images by {config.rule}: run "
            f"`python -m labeling regions {dataset.root}`"
        )
    return region


@functools.lru_cache(maxsize=1)
def _distance(device: str) -> Distance:
    """The network, shared by all tasks of a worker process."""
    import torch

    from labeling.devices import pick_device
    from labeling.regions.perceptual import PerceptualDistance

    # With another number of threads sums differ in the last bit, and so may a mask.
    torch.set_num_threads(1)
    return PerceptualDistance(str(pick_device(device)))


def _current_records(
    path: Path, pairs: Sequence[Pair], config: RegionsConfig
) -> list[RegionRecord] | None:
    """The stored records, or None if they do not match these pairs and this rule."""
    if not path.is_file():
        return None
    try:
        records = [read_region(k, f, str(path)).record for k, f in read_tar(path)]
    except UserError:
        return None  # damaged or of another version
    if len(records) != len(pairs):
        return None
    is_current = all(
        record.pair_id == pair.pair_id and _is_current(record, pair, config)
        for record, pair in zip(records, pairs, strict=True)
    )
    return records if is_current else None


def _is_current(record: RegionRecord, pair: Pair, config: RegionsConfig) -> bool:
    """Returns True if the mask belongs to the pair's images and to the configured rule."""
    expected = (pair.content_hash, config.rule, REGIONS_VERSION)
    return (record.content_hash, record.rule, record.version) == expected


def _origin(region: StoredRegion) -> str:
    """What a region was computed from and by which rule, for messages."""
    record = region.record
    return f"content {record.content_hash[:8]} by {record.rule} (version {record.version})"


def _rounded_mean(values: np.ndarray) -> float:
    """The mean rounded to six digits, which do not depend on the order of summation."""
    return round(float(values.mean(dtype=np.float64)), 6)
