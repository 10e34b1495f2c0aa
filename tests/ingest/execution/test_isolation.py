"""Isolated processes: time and memory limits, retries, and no orphans."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ingest.execution import isolation
from ingest.execution.isolation import IsolatedRunConfig, Watched, run_isolated
from ingest.execution.tasks import TaskFailure
from ingest.execution.zygote import note

ROOT = Path(__file__).resolve().parents[3]
QUICK = IsolatedRunConfig(timeout_s=20, memory_mb=700, max_retries=1)


def run_code(code: str, limits: IsolatedRunConfig = QUICK) -> Watched:
    """Run a piece of Python isolated (`exec` is a function that any process can import)."""
    return run_isolated(exec, code, limits)


def test_results_come_back_from_another_process() -> None:
    first, second = (run_isolated(os.path.basename, f"/x/{n}", QUICK).result for n in (1, 2))
    assert (first, second) == ("1", "2")
    assert run_isolated(os.getenv, "OMP_NUM_THREADS", QUICK).result == "1"
    assert run_code("import os, signal; os.kill(os.getpid(), signal.SIGCONT)").result is None


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        ("import signal; signal.raise_signal(9)", "worker-died", "SIGKILL"),
        ("import signal; signal.raise_signal(11)", "worker-died", "SIGSEGV"),
        ("import os; os._exit(3)", "worker-died", "exit code 3"),
        ("raise ValueError('a\\nb')", "exception", "ValueError: a b"),
        ("import time; x = b'x' * 900_000_000; time.sleep(60)", "out-of-memory", "memory_mb"),
    ],
)
def test_every_end_has_its_reason(code: str, reason: str, message: str) -> None:
    watched = run_code("from ingest.execution.zygote import note; note('known');" + code)
    assert isinstance(watched.result, TaskFailure)
    assert watched.result.reason == reason
    assert message in watched.result.detail
    assert watched.last_note == "known"
    assert run_isolated(os.path.basename, "/x/next", QUICK).result == "next"


def test_the_process_that_forks_has_one_thread() -> None:
    """A lock that another thread held would stay locked in the child for ever."""
    run_isolated(os.path.basename, "/x/1", QUICK)
    zygote = psutil.Process(isolation._zygotes[os.getpid()].process.pid)
    assert zygote.num_threads() == 1


def test_native_code_that_never_returns_is_killed_in_time() -> None:
    """It holds the interpreter's lock: no thread and no signal handler of Python would run."""
    run_isolated(os.path.basename, "warm", QUICK)
    start = time.monotonic()
    limits = QUICK.model_copy(update={"timeout_s": 1.0})
    watched = run_code("import ctypes; ctypes.PyDLL(None).sleep(60)", limits)
    assert isinstance(watched.result, TaskFailure)
    assert watched.result.reason == "timeout"
    assert 1.0 <= time.monotonic() - start < 4.0


def test_a_death_is_tried_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    code = (
        "import os, signal\n"
        f"with open({str(tries)!r}, 'a') as file: file.write('x')\n"
        f"if os.path.getsize({str(tries)!r}) < LEAST: signal.raise_signal(9)\n"
    )
    assert run_code(code.replace("LEAST", "2")).result is None
    assert tries.read_text() == "xx"
    tries.unlink()
    failed = run_code(code.replace("LEAST", "9")).result
    assert isinstance(failed, TaskFailure)
    assert tries.read_text() == "xx", "once, and once more"


def test_nothing_outlives_a_killed_worker(tmp_path: Path) -> None:
    """The worker dies by SIGKILL while its item is deep in native code."""
    mark = tmp_path / "pid"
    item = (
        "import ctypes, os, pathlib\n"
        f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
        "ctypes.PyDLL(None).sleep(120)\n"
    )
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ingest.execution.isolation import IsolatedRunConfig, run_isolated\n"
        "run_isolated(exec, sys.argv[2], IsolatedRunConfig())\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(ROOT), item])
    deadline = time.monotonic() + 60
    while not (mark.is_file() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    decoder = psutil.Process(int(mark.read_text()))
    zygote = psutil.Process(decoder.ppid())
    worker.kill()
    worker.wait()
    gone, alive = psutil.wait_procs([decoder, zygote], timeout=10)
    assert not alive
    assert len(gone) == 2


def test_notes_are_for_watchers_only() -> None:
    assert note("nobody watches here") is None
