"""Images and masks of pairs, straight from the tars; the last few videos stay in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from ingest.format.dataset import Dataset
from labeling.pairs import Canvas, Pair, read_pairs
from labeling.regions.record import StoredRegion
from labeling.regions.regions import read_regions

MAX_VIDEOS = 48
"""Videos in memory; one takes about 2 MB at a short side of 512 px."""


@dataclass(frozen=True)
class VideoPictures:
    """Everything of one video that the page shows."""

    pairs: dict[str, Pair]
    """By pair id."""
    canvases: dict[str, Canvas]
    """By hash of the encoded image."""
    regions: dict[str, StoredRegion]
    """By pair id."""


class Pictures:
    """Reads videos when they are asked for and keeps those used last; safe for several threads."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._known: OrderedDict[str, tuple[object, VideoPictures]] = OrderedDict()
        self._lock = threading.Lock()

    def video(self, video_id: str) -> VideoPictures:
        """One video as it is on disk now. Raises UserError: keyframes or regions are missing."""
        paths = (self._dataset.keyframes_tar(video_id), self._dataset.regions_tar(video_id))
        stamp = tuple((s.st_ino, s.st_mtime_ns) if (s := _stat(p)) else None for p in paths)
        with self._lock:
            known = self._known.get(video_id)
            if known is None or known[0] != stamp:
                known = (stamp, self._read(video_id))
            self._known[video_id] = known
            self._known.move_to_end(video_id)
            while len(self._known) > MAX_VIDEOS:
                self._known.popitem(last=False)
        return known[1]

    def _read(self, video_id: str) -> VideoPictures:
        _, pairs = read_pairs(self._dataset, video_id)
        canvases = {
            canvas.reference.sha256: canvas
            for pair in pairs
            for canvas in (pair.current, pair.next, pair.target)
        }
        regions = read_regions(self._dataset, video_id)
        return VideoPictures({pair.pair_id: pair for pair in pairs}, canvases, regions)


def _stat(path):
    try:
        return path.stat()
    except FileNotFoundError:
        return None
