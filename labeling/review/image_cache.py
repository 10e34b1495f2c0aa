"""Reads the images and masks of pairs from the tars; keeps recently used videos in memory."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ingest.format.dataset import Dataset
from labeling.pairs import Canvas, Pair, read_pairs
from labeling.regions.record import StoredRegion
from labeling.regions.regions import read_regions
from labeling.review.messages import NotFound

MAX_VIDEOS = 48
"""Videos kept in memory; one takes about 2 MB at a short side of 512 px."""


@dataclass(frozen=True)
class CachedVideo:
    """The pairs, images and masks of one video."""

    pairs: dict[str, Pair]
    """By pair id."""
    canvases: dict[str, Canvas]
    """By hash of the encoded image."""
    regions: dict[str, StoredRegion]
    """By pair id."""


class VideoCache:
    """A least-recently-used cache of videos; safe for several threads."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._videos: OrderedDict[str, tuple[object, CachedVideo]] = OrderedDict()
        self._lock = threading.Lock()

    def video(self, video_id: str) -> CachedVideo:
        """A video as it is on disk now. Raises UserError: keyframes or regions are missing."""
        paths = (self._dataset.keyframes_tar(video_id), self._dataset.regions_tar(video_id))
        version = tuple((s.st_ino, s.st_mtime_ns) if (s := _stat(p)) else None for p in paths)
        with self._lock:
            entry = self._videos.get(video_id)
            if entry is None or entry[0] != version:
                entry = (version, self._read(video_id))
            self._videos[video_id] = entry
            self._videos.move_to_end(video_id)
            while len(self._videos) > MAX_VIDEOS:
                self._videos.popitem(last=False)
        return entry[1]

    def pair(self, pair_id: str, video_id: str) -> Pair:
        """A pair as it is on disk now. Raises NotFound: the keyframes do not have it."""
        pair = self.video(video_id).pairs.get(pair_id)
        if pair is None:
            raise NotFound(f"{pair_id} is not in the keyframes any more: run ingest's stages again")
        return pair

    def _read(self, video_id: str) -> CachedVideo:
        _, pairs = read_pairs(self._dataset, video_id)
        canvases = {
            canvas.reference.sha256: canvas
            for pair in pairs
            for canvas in (pair.current, pair.next, pair.target)
        }
        regions = read_regions(self._dataset, video_id)
        return CachedVideo({pair.pair_id: pair for pair in pairs}, canvases, regions)


def _stat(path: Path) -> os.stat_result | None:
    """The status of a file; None if it does not exist."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
