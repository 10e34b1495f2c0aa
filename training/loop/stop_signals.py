"""Remembers the first Ctrl-C, so that training stops between two steps and saves."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what schedulers send to a job that has to make room."""
NOTICE = b"\nsaving a checkpoint after this step; once more ends at once, without it\n"


class StopSignals:
    """Between `catch` and `release` the first of `SIGNALS` is only remembered, with a line on
    stderr; the second one has its usual effect. Outside the main thread, which alone gets signals,
    nothing is caught."""

    def __init__(self) -> None:
        self.received = 0
        """Number of the signal that came; 0: none."""
        self._before: dict[signal.Signals, Any] = {}

    def catch(self) -> None:
        """Begin to remember; does nothing the second time."""
        if self._before or threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._remember) or signal.SIG_DFL

    def release(self) -> None:
        """Give the signals back the effect that they had before `catch`."""
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.release()
        # Not print: the signal may have interrupted one, and a stream cannot be entered twice.
        os.write(2, NOTICE)


def end_by(number: int) -> NoReturn:
    """End as the signal `number` would have: KeyboardInterrupt (exit code 130) for SIGINT,
    SystemExit with 128 + `number` for another."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
