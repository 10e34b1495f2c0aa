"""Shows the progress of a run to the person who started it, and passes on their wish to stop."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.loop.stop_signals import StopSignals

LINE_EVERY_S = 10.0
"""Seconds between lines of progress where no bar can be drawn (a file, a pipe)."""


class Display(Protocol):
    """Where a run shows its progress, and from which it is told to stop."""

    def begin(self) -> None:
        """The first step is about to begin: from here on a stop loses no work."""
        ...

    def advance(self, fraction: float, step: int, loss: float, steps_per_s: float) -> None:
        """A step is done; `fraction` of the run is in [0, 1]."""
        ...

    def say(self, text: str) -> None:
        """Show one line."""
        ...

    def warn(self, text: str) -> None:
        """Show one line on stderr."""
        ...

    def stop_signal(self) -> int:
        """Number of the signal by which the run is asked to stop; 0: go on."""
        ...


class Terminal:
    """The `Display` of a command: a bar on a terminal, else a line every `LINE_EVERY_S`. A context
    manager, which must be left before the next one begins.

    Args:
        title: name of what is trained.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.progress = Progress(
            TextColumn(f"[bold]{title}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%  step {task.fields[step]}"),
            TextColumn("loss {task.fields[loss]:.4f}  {task.fields[speed]:.2f} steps/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.has_bar = self.progress.console.is_terminal
        self.task = self.progress.add_task(
            title, start=False, total=1.0, step=0, loss=float("nan"), speed=0.0
        )
        self._signals = StopSignals()
        self._next_line_s = 0.0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signals.release()
        if self.has_bar:
            self.progress.stop()

    def begin(self) -> None:
        self._signals.catch()
        if self.has_bar:
            self.progress.start_task(self.task)
            self.progress.start()

    def advance(self, fraction: float, step: int, loss: float, steps_per_s: float) -> None:
        fraction = min(fraction, 1.0)
        if self.has_bar:
            self.progress.update(
                self.task, completed=fraction, step=step, loss=loss, speed=steps_per_s
            )
        elif time.monotonic() >= self._next_line_s:
            self._next_line_s = time.monotonic() + LINE_EVERY_S
            self.say(
                f"{self.title}: {fraction:.0%}, step {step}, loss {loss:.4f}, "
                f"{steps_per_s:.2f} steps/s"
            )

    def say(self, text: str) -> None:
        if self.has_bar:
            self.progress.console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def stop_signal(self) -> int:
        return self._signals.received


class Silent:
    """A `Display` that shows nothing and is never told to stop."""

    def begin(self) -> None: ...

    def advance(self, fraction: float, step: int, loss: float, steps_per_s: float) -> None: ...

    def say(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def stop_signal(self) -> int:
        return 0
