"""Measures LLaVA in batches against one pair at a time, and the utilisation of the GPU.

What is timed is the work of an actor (`labeling.instructions.batch_labeling`): reading and decoding
keyframes, preparing pairs while the batch before is answered, and saving answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.benchmark.corpus import make_corpus
from labeling.benchmark.measure import Measure, Times, measure_interleaved
from labeling.instructions.batch_labeling import InstructionTask, label_videos
from labeling.instructions.labeler import Labeler
from labeling.instructions.labeler_factory import InstructionsConfig, make_labeler
from labeling.instructions.table import read_jsonl
from labeling.instructions.vision_language.llava import LlavaConfig
from labeling.regions.regions import RegionsConfig

SIZE = (512, 640)
"""Height and width of the canvases."""
UTILISATION = "busy share of the GPU while LLaVA labels"
"""Name of the first row."""
SPEEDUP = "LLaVA in batches over one at a time"
"""Name of the second row."""
PAIRS_PER_VIDEO = 32
"""Most pairs in one video of the corpus."""
POLL_S = 0.05
"""Seconds between two queries of the GPU's utilisation."""


def measure_llava(model: str, num_pairs: int, scratch: Path, rounds: int = 1) -> list[Measure]:
    """Measure utilisation and speedup, the two rows of this benchmark.

    Without a GPU neither row has a value, and the second one has the figures of the CPU.

    Args:
        model: LLaVA folder or hub name; empty: nothing is measured.
    """
    if not model:
        note = "not measured: give --llava FOLDER, on a machine with a GPU"
        return [
            Measure(UTILISATION, None, "%", 90, True, note),
            Measure(SPEEDUP, None, "x", 4, True, note),
        ]
    import torch

    config = InstructionsConfig(labeler="llava", llava=LlavaConfig(model=model))
    labeler = make_labeler(config)
    labeler.load()
    num_videos = -(-num_pairs // PAIRS_PER_VIDEO)
    dataset = make_corpus(scratch / "llava", num_videos, min(num_pairs, PAIRS_PER_VIDEO) + 1, SIZE)
    alone = config.model_copy(update={"batch_size": 1})
    answers = _label(dataset, config, labeler)  # warm-up: kernels are chosen, files are cached
    same = answers == _label(dataset, alone, labeler)
    sampler = _UtilisationSampler() if torch.cuda.is_available() else None
    ways: dict[str, Callable[[], object]] = {
        "together": lambda: _run_sampled(sampler, lambda: _label(dataset, config, labeler)),
        "alone": lambda: _label(dataset, alone, labeler),
    }
    times = measure_interleaved(ways, rounds)
    figures = _figures(times["together"], times["alone"], len(answers)) | {"same_answers": same}
    if sampler is None:
        note = f"not measured: no GPU; on the CPU {figures['faster']:.2f} x"
        return [
            Measure(UTILISATION, None, "%", 90, True, "not measured: no GPU"),
            Measure(SPEEDUP, None, "x", 4, True, note, figures),
        ]
    card = torch.cuda.get_device_name()
    return [
        Measure(UTILISATION, sampler.share, "%", 90, True, card),
        Measure(SPEEDUP, figures["faster"], "x", 4, True, card, figures),
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
    """Label every pair again; returns the raw answers by pair id."""
    videos = dataset.video_ids()
    for video_id in videos:
        dataset.instructions_jsonl(video_id).unlink(missing_ok=True)
    tasks = [InstructionTask(dataset.root, v, RegionsConfig(device="cpu"), config) for v in videos]
    for result in label_videos(tasks, labeler):
        if isinstance(result, UserError):
            raise result
    rows = [row for v in videos for row in read_jsonl(dataset.instructions_jsonl(v))]
    return {row.pair_id: row.raw_text for row in rows}


def _run_sampled(sampler: _UtilisationSampler | None, work: Callable[[], object]) -> None:
    """Run `work` while the GPU's utilisation is sampled, if there is a sampler."""
    if sampler is None:
        work()
        return
    with sampler:
        work()


class _UtilisationSampler:
    """Samples the utilisation of the GPU in a thread."""

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
        """Mean utilisation in percent over all samples."""
        return float(np.mean(self._samples))

    def __enter__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def __exit__(self, *problem: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        import torch

        while not self._over.wait(POLL_S):
            self._samples.append(torch.cuda.utilization())
