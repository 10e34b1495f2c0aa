"""Logs a training run: progress bar, TensorBoard and ``log.jsonl``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """Context manager that is open while a run trains.

    Args:
        writes: False on ranks that neither print nor write.
    """

    def __init__(self, run: Path, title: str, writes: bool = True) -> None:
        self.run = run
        # `scalars` flushes: TensorBoard's thread would print a traceback about a full disk.
        self.writer = (
            SummaryWriter(str(run / "tensorboard"), flush_secs=1_000_000) if writes else None
        )
        self.progress = Progress(
            TextColumn(f"[bold]{title}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%  step {task.fields[step]}"),
            TextColumn("loss {task.fields[loss]:.4f}  {task.fields[speed]:.2f} steps/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            disable=not writes,
        )
        self.task = self.progress.add_task(title, total=1.0, step=0, loss=float("nan"), speed=0.0)

    def __enter__(self) -> RunLog:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()
        if self.writer:
            self.writer.close()

    def advance(self, fraction: float, step: int, loss: float, steps_per_s: float) -> None:
        """Update the progress bar; `fraction` of the run is in [0, 1]."""
        self.progress.update(
            self.task, completed=min(fraction, 1.0), step=step, loss=loss, speed=steps_per_s
        )

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

    def say(self, text: str) -> None:
        """Print one line above the progress bar."""
        if self.writer:
            self.progress.console.print(text, highlight=False)
