"""Runs each item in its own process, with a time limit, a memory limit and bounded retries.

A decoder that hangs or leaks in native code cannot be interrupted from Python; a process can be
killed. The time limit counts from the start of the work, not from its submission.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field

from ingest.execution.tasks import RunConfig, TaskFailure

POLL_S = 0.1
"""Seconds between two checks of a process's limits."""
ANSWER_POLL_S = 0.005
"""Seconds between two checks while a process waits for an answer."""
EXIT_CODE_TIMEOUT_S = 10.0
"""Longest wait for the exit code of a process, in seconds."""
MEGABYTE = 1 << 20
"""Bytes in a MiB."""
DIED = "worker-died"
"""Reason of failure of a process that ended without a result."""
_ENDED = object()
"""Marks a process that ended without a result."""


class IsolatedRunConfig(RunConfig):
    """How the work is laid out when every item has a process of its own."""

    memory_mb: int = Field(default=4096, ge=64)
    """Resident memory (MiB) that the process of one item may take; above it the process is killed
    and the item recorded as failed. An hour of 1080p takes under 1500."""


@dataclass(frozen=True)
class Watched:
    """Result and measurements of one item's process."""

    result: Any | TaskFailure
    last_note: Any = None
    """The last value that the process sent with `ingest.execution.zygote.note`, or None."""
    peak_mb: float = 0.0
    """Largest resident memory measured, MiB."""


class _Zygote:
    """A running `ingest.execution.zygote` and the socket to it."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        self.socket, theirs = socket.socketpair()
        # One thread per process: many run at once, and float sums are reproducible.
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        # Arrow's allocator would start a thread of its own; a process with threads must not fork.
        threads["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ingest.execution.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def fork(self) -> tuple[int, Connection]:
        """Process id of a new child and the connection to it. Raises OSError if the zygote died."""
        ours, theirs = multiprocessing.Pipe()
        with theirs:
            socket.send_fds(self.socket, [b"f"], [theirs.fileno()])
        return self._number(), ours

    def exit_code(self) -> int:
        """Exit code of the child forked last; -N if signal N ended it."""
        self.socket.settimeout(EXIT_CODE_TIMEOUT_S)
        try:
            return self._number()
        finally:
            self.socket.settimeout(None)

    def _number(self) -> int:
        data = self.socket.recv(8, socket.MSG_WAITALL)
        if len(data) < 8:
            raise ConnectionError("the parent of decoder processes ended")
        return int.from_bytes(data, "big", signed=True)

    def end(self) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()


_zygotes: dict[int, _Zygote] = {}
"""The zygote of this process, by process id: a forked process must not use its parent's."""


def run_isolated(
    function: Callable[[Any], Any],
    item: Any,
    limits: IsolatedRunConfig,
    answer: Callable[[Any], Any] | None = None,
) -> Watched:
    """Run `function(item)` in its own process; both must be picklable.

    If the process dies, it is retried up to `max_retries` times; all attempts share `timeout_s`.
    Failures: ``timeout``, ``out-of-memory``, ``worker-died``, ``exception``.

    Args:
        answer: answers the questions that the process sends with `ingest.execution.zygote.ask`.
    """
    deadline = time.monotonic() + limits.timeout_s
    last: Any = None
    for attempt in range(limits.max_retries + 1):
        watched = _attempt(function, item, limits, deadline, answer)
        last = watched.last_note if watched.last_note is not None else last
        is_death = isinstance(watched.result, TaskFailure) and watched.result.reason == DIED
        if not is_death or attempt == limits.max_retries:
            return Watched(watched.result, last, watched.peak_mb)
    raise AssertionError("unreachable: the last attempt returns")


def _attempt(
    function: Callable[[Any], Any],
    item: Any,
    limits: IsolatedRunConfig,
    deadline: float,
    answer: Callable[[Any], Any] | None,
) -> Watched:
    zygote = _zygotes.get(os.getpid())
    if zygote is None:
        zygote = _zygotes[os.getpid()] = _Zygote()
    is_clean = False
    try:
        process_id, connection = zygote.fork()
        with connection:
            connection.send((function, item))
            watched = _watch(process_id, connection, limits, deadline, answer)
        code = zygote.exit_code()
        is_clean = True
        if watched.result is _ENDED:
            cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            detail = f"the process of this item ended by {cause} (SIGKILL often means memory)"
            return Watched(TaskFailure(DIED, detail), watched.last_note, watched.peak_mb)
        return watched
    except (OSError, EOFError) as error:
        return Watched(TaskFailure(DIED, f"the process of this item is gone ({error})"))
    finally:
        if not is_clean:
            # The state of the zygote is unknown: the next item gets a new one.
            _zygotes.pop(os.getpid()).end()


def _watch(
    process_id: int,
    connection: Connection,
    limits: IsolatedRunConfig,
    deadline: float,
    answer: Callable[[Any], Any] | None,
) -> Watched:
    """Wait for the result, an exceeded limit, or the end of the process (result `_ENDED`)."""
    last: Any = None
    peak = 0.0
    waiting: queue.SimpleQueue[tuple[str, Any]] | None = None
    while True:
        with contextlib.suppress(psutil.Error):
            peak = max(peak, psutil.Process(process_id).memory_info().rss / MEGABYTE)
        failure = _exceeded_limit(peak, limits, deadline)
        if failure is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
            return Watched(failure, last, peak)
        if waiting is not None and not waiting.empty():
            connection.send(waiting.get())
            waiting = None
        poll_s = POLL_S if waiting is None else ANSWER_POLL_S
        if not connection.poll(min(poll_s, max(0.0, deadline - time.monotonic()))):
            continue
        try:
            kind, value = connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            return Watched(_ENDED, last, peak)
        if kind == "note":
            last = value
        elif kind == "ask":
            waiting = _answer_in_thread(answer, value)
        else:
            result = TaskFailure("exception", value) if kind == "error" else value
            return Watched(result, last, peak)


def _answer_in_thread(
    answer: Callable[[Any], Any] | None, question: Any
) -> queue.SimpleQueue[tuple[str, Any]]:
    """Answer in a thread, so that the limits are checked meanwhile."""
    box: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=lambda: box.put(_answered(answer, question)), daemon=True).start()
    return box


def _answered(answer: Callable[[Any], Any] | None, question: Any) -> tuple[str, Any]:
    """(error, answer) to a question; one of them is empty."""
    if answer is None:
        return "nobody here can answer: no segmenter was started", None
    try:
        return "", answer(question)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}", None


def _exceeded_limit(
    peak_mb: float, limits: IsolatedRunConfig, deadline: float
) -> TaskFailure | None:
    if peak_mb > limits.memory_mb:
        return TaskFailure(
            "out-of-memory",
            f"took {peak_mb:.0f} MiB, ingest.run.memory_mb allows {limits.memory_mb}: raise it and "
            "run with --retry-failed",
        )
    if time.monotonic() >= deadline:
        return TaskFailure(
            "timeout",
            f"not done after {limits.timeout_s:g} s (ingest.run.timeout_s): raise it and run with "
            "--retry-failed",
        )
    return None
