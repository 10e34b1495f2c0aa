"""LLaVA in batches against one pair at a time, and how busy a GPU is meanwhile.

What is timed is the work of an actor (`labeling.instructions.work`): keyframes are read and
decoded, pairs prepared while the batch before is answered, and answers saved.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.benchmark.corpus import make_corpus
from labeling.benchmark.measure import Measure, Times, take_turns
from labeling.instructions.labeler import Labeler
from labeling.instructions.labelers import InstructionsConfig, make_labeler
from labeling.instructions.llava import LlavaConfig
from labeling.instructions.table import read_jsonl
from labeling.instructions.work import InstructionTask, label_videos
from labeling.regions.regions import RegionsConfig

SIZE = (512, 640)
BUSY, FASTER = "busy share of the GPU while LLaVA labels", "LLaVA in batches over one at a time"
PAIRS_A_VIDEO = 32


def measure_llava(model: str, num_pairs: int, scratch: Path, rounds: int = 1) -> list[Measure]:
    """Both rows, for a `model` (a LLaVA folder or hub name) on a GPU; without a GPU the figures of
    the CPU come with the second one."""
    if not model:
        note = "not measured: give --llava FOLDER, on a machine with a GPU"
        return [
            Measure(BUSY, None, "%", 90, True, note),
            Measure(FASTER, None, "x", 4, True, note),
        ]
    import torch

    config = InstructionsConfig(labeler="llava", llava=LlavaConfig(model=model))
    labeler = make_labeler(config)
    labeler.load()
    num_videos = -(-num_pairs // PAIRS_A_VIDEO)
    dataset = make_corpus(scratch / "llava", num_videos, min(num_pairs, PAIRS_A_VIDEO) + 1, SIZE)
    alone = config.model_copy(update={"batch_size": 1})
    answers = _label(dataset, config, labeler)  # kernels chosen, files in memory
    same = answers == _label(dataset, alone, labeler)
    watch = _Busy() if torch.cuda.is_available() else None
    ways: dict[str, Callable[[], object]] = {
        "together": lambda: _watched(watch, lambda: _label(dataset, config, labeler)),
        "alone": lambda: _label(dataset, alone, labeler),
    }
    times = take_turns(ways, rounds)
    figures = _figures(times["together"], times["alone"], len(answers)) | {"same_answers": same}
    if watch is None:
        note = f"not measured: no GPU; on the CPU {figures['faster']:.2f} x"
        return [
            Measure(BUSY, None, "%", 90, True, "not measured: no GPU"),
            Measure(FASTER, None, "x", 4, True, note, figures),
        ]
    card = torch.cuda.get_device_name()
    return [
        Measure(BUSY, watch.share, "%", 90, True, card),
        Measure(FASTER, figures["faster"], "x", 4, True, card, figures),
    ]


def _figures(together: Times, alone: Times, num_pairs: int) -> dict[str, float]:
    return {
        "pairs": num_pairs,
        "faster": alone.wall_s / together.wall_s,
        "pairs_per_s": num_pairs / together.wall_s,
        "alone_pairs_per_s": num_pairs / alone.wall_s,
        "cpu_s_a_pair": together.cpu_s / num_pairs,
        "alone_cpu_s_a_pair": alone.cpu_s / num_pairs,
    }


def _label(dataset: Dataset, config: InstructionsConfig, labeler: Labeler) -> dict[str, str]:
    """Ask about every pair anew; the raw answers by pair."""
    videos = dataset.video_ids()
    for video_id in videos:
        dataset.instructions_jsonl(video_id).unlink(missing_ok=True)
    tasks = [InstructionTask(dataset.root, v, RegionsConfig(device="cpu"), config) for v in videos]
    for result in label_videos(tasks, labeler):
        if isinstance(result, UserError):
            raise result
    rows = [row for v in videos for row in read_jsonl(dataset.instructions_jsonl(v))]
    return {row.pair_id: row.raw_text for row in rows}


def _watched(watch: _Busy | None, work: Callable[[], object]) -> None:
    if watch is None:
        work()
        return
    with watch:
        work()


class _Busy:
    """Asks the GPU twenty times a second whether it works."""

    def __init__(self) -> None:
        import torch

        try:
            torch.cuda.utilization()
        except ModuleNotFoundError as error:
            raise UserError(
                f"{error}: pip install nvidia-ml-py to see how busy the GPU is"
            ) from None
        self._samples: list[int] = []

    @property
    def share(self) -> float:
        """Mean share in percent over all that was watched."""
        return float(np.mean(self._samples))

    def __enter__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __exit__(self, *problem: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        import torch

        while not self._over.wait(0.05):
            self._samples.append(torch.cuda.utilization())
