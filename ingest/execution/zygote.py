"""A fork server: loads the libraries once, then forks one child process for each video.

A Ray worker runs many threads, so it must not fork; loading OpenCV, NumPy and the decoders anew
takes a second a video. This process has one thread and all libraries loaded: forking it is safe and
takes milliseconds. `ingest.execution.isolation` starts one in each worker process and controls it.

When the worker dies, the kernel kills this process; when this process dies, the kernel kills its
child. No decoder outlives its worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import socket
import sys
from multiprocessing.connection import Connection
from typing import Any

PRELOADED = ("ingest.per_source.row_function", "pandas")
"""Modules loaded before forking. pyarrow imports pandas with its first table, in 0.9 s."""
_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
_notes: Connection | None = None
"""In a forked child, the connection to its worker."""


def note(value: Any) -> None:
    """Send an intermediate result to the worker; it survives the death of this process.

    Does nothing outside a forked child (tests, calls from Python).
    """
    if _notes is not None:
        _notes.send(("note", value))


def is_watched() -> bool:
    """Whether this is a forked child, with a worker that answers questions."""
    return _notes is not None


def ask(question: Any) -> Any:
    """Send a question to the worker and wait for its answer.

    Raises:
        RuntimeError: this is no forked child, or answering failed.
    """
    if _notes is None:
        raise RuntimeError("nobody watches this process: there is nobody to ask")
    _notes.send(("ask", question))
    error, answer = _notes.recv()
    if error:
        raise RuntimeError(error)
    return answer


def preload() -> None:
    """Import all modules that a child needs."""
    for name in PRELOADED:
        importlib.import_module(name)


def main() -> None:
    """Fork one child for each request on the socket whose number is the only argument."""
    _die_with(os.getppid())
    channel = socket.socket(fileno=int(sys.argv[1]))
    preload()
    own_id = os.getpid()
    while True:
        message, files, _, _ = socket.recv_fds(channel, 1, 1)
        if not message:
            return  # the worker ended
        process_id = os.fork()
        if process_id == 0:
            channel.close()
            _work(Connection(files[0]), own_id)
        os.close(files[0])
        channel.sendall(process_id.to_bytes(8, "big", signed=True))
        _, status = os.waitpid(process_id, 0)
        channel.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _work(connection: Connection, parent: int) -> None:
    """The child: receives one job, sends notes and one result, exits."""
    global _notes
    _die_with(parent)
    code = 1
    try:
        _notes = connection
        function, item = connection.recv()
        try:
            answer = ("result", function(item))
        except Exception as error:
            answer = ("error", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        connection.send(answer)
        code = 0
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        # Skips the clean-up of objects inherited from the parent.
        os._exit(code)


def _die_with(parent: int) -> None:
    """Ask the kernel (Linux) to kill this process when its parent dies."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before we could ask


if __name__ == "__main__":
    # `note` lives in the module by its real name, not in `__main__`.
    from ingest.execution import zygote

    zygote.main()
