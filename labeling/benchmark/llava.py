"""LLaVA in batches against one pair at a time, and how busy a GPU is meanwhile."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np

from labeling.benchmark.measure import Measure
from labeling.llava import LlavaConfig, LlavaLabeler

SIZE = (512, 640)
BUSY, FASTER = "busy share of the GPU while LLaVA labels", "LLaVA in batches over one at a time"


def measure_llava(model: str, num_pairs: int) -> list[Measure]:
    """Both rows; not measured without a `model` (a LLaVA folder or hub name)."""
    if not model:
        note = "not measured: give --llava FOLDER, on a machine with a GPU"
        return [
            Measure(BUSY, None, "%", 90, True, note),
            Measure(FASTER, None, "x", 4, True, note),
        ]
    import torch

    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (*SIZE, 3), np.uint8) for _ in range(num_pairs + 1)]
    pairs = list(itertools.pairwise(images))
    labeler = LlavaLabeler(LlavaConfig(model=model))
    labeler.label(pairs[:1])
    start = time.perf_counter()
    for pair in pairs:
        labeler.label([pair])
    alone_s = time.perf_counter() - start
    busy = _Busy() if torch.cuda.is_available() else None
    start = time.perf_counter()
    labeler.label(pairs)
    together_s = time.perf_counter() - start
    share = busy.stop() if busy else None
    where = torch.cuda.get_device_name() if busy else "cpu"
    figures = {"pairs_per_s": num_pairs / together_s, "alone_pairs_per_s": num_pairs / alone_s}
    return [
        Measure(BUSY, share, "%", 90, True, where if busy else "not measured: no GPU"),
        Measure(FASTER, alone_s / together_s, "x", 4, True, where, figures),
    ]


class _Busy:
    """Asks the GPU twenty times a second whether it works."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Mean share in percent."""
        self._over.set()
        self._thread.join()
        return float(np.mean(self._samples)) if self._samples else 0.0

    def _watch(self) -> None:
        import torch

        while not self._over.wait(0.05):
            self._samples.append(torch.cuda.utilization())
