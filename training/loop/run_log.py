"""Logs the numbers of a training run: TensorBoard and ``log.jsonl``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """Context manager that is open while a run trains.

    Args:
        writes: False on ranks that do not write.
    """

    def __init__(self, run: Path, writes: bool = True) -> None:
        self.run = run
        # `scalars` flushes: TensorBoard's thread would print a traceback about a full disk.
        self.writer = (
            SummaryWriter(str(run / "tensorboard"), flush_secs=1_000_000) if writes else None
        )

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.writer:
            self.writer.close()

    def scalars(self, split: str, values: Mapping[str, float], step: int, samples: int) -> None:
        """Write numbers to TensorBoard (x axis: samples seen) and to log.jsonl."""
        if not self.writer:
            return
        line = {"split": split, "step": step, "samples": samples, "at": time.time(), **values}
        with (self.run / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in values.items():
            self.writer.add_scalar(f"{split}/{name}", value, samples)
        self.writer.flush()

    def picture(self, name: str, image: np.ndarray, samples: int) -> None:
        """Write an RGB uint8 image (H, W, 3) to TensorBoard."""
        if self.writer:
            self.writer.add_image(name, image, samples, dataformats="HWC")
