"""Two workers on Ray Train: one of them killed, both interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ingest.conventions.errors import UserError

# Ray Train starts its processes one after the other: minutes where the machine does other work.
pytestmark = [pytest.mark.torch, pytest.mark.ray, pytest.mark.timeout(900)]

STEPS = 24


def train(dataset: Path, run: Path, *overrides: str, workers: int = 0) -> dict[str, Any]:
    from training.run import run_training

    loop = {
        "max_steps": STEPS, "batch_size": 2, "validation_batches": 1, "checkpoint_every_steps": 4,
        "log_every_steps": 4, "keep_checkpoints": 10,
    }  # fmt: skip
    settings = [f"training.mask.loop.{k}={v}" for k, v in loop.items()]
    return run_training(
        "mask", dataset, run, overrides=["training.image_side_px=64", *settings, *overrides],
        num_workers=workers,
    )  # fmt: skip


def wait_for_checkpoint(run: Path) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not list((run / "checkpoints").glob("step-*")):
        time.sleep(0.02)


def kill_one_rank(run: Path, killed: list[int]) -> None:
    """Once a checkpoint is there, SIGKILL one of the two workers."""
    wait_for_checkpoint(run)
    for process in psutil.Process().children(recursive=True):
        if any("RayTrainWorker" in word for word in process.cmdline()):
            process.kill()
            killed.append(process.pid)
            return


@pytest.fixture(scope="module", autouse=True)
def ray_stops() -> Any:
    yield
    from ingest.execution.ray_tasks import disconnect

    disconnect()


def test_a_killed_rank_changes_nothing(toy_dataset: Path, tmp_path: Path) -> None:
    """All weights, averages and moments of two workers, one killed in mid-run, equal bit for bit
    those of one undisturbed process that adds up two batches a step."""
    from training.loop.checkpoint import checkpoint_path

    killed: list[int] = []
    watcher = threading.Thread(target=kill_one_rank, args=(tmp_path / "two", killed))
    watcher.start()
    result = train(toy_dataset, tmp_path / "two", workers=2)
    watcher.join()
    assert killed, "no worker was found to be killed"
    assert result["step"] == STEPS
    # Steps are repeated after the kill: the log says so, and the result does not.
    one = train(toy_dataset, tmp_path / "one", "training.mask.loop.accumulation_steps=2")
    assert one["samples_seen"] == result["samples_seen"] == 4 * STEPS
    for name in ("weights", "average", "optimizer"):
        two, alone = (
            checkpoint_path(tmp_path / run, STEPS) / f"{name}.safetensors" for run in ("two", "one")
        )
        assert two.read_bytes() == alone.read_bytes(), name
    assert result["validation_loss"] == one["validation_loss"]


def interrupt_this_process(run: Path) -> None:
    """Once a checkpoint is there, Ctrl-C."""
    wait_for_checkpoint(run)
    os.kill(os.getpid(), signal.SIGINT)


def test_progress_is_shown_and_ctrl_c_saves(
    toy_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both workers end after the same step; the run then goes on to the bits of one that was never
    stopped."""
    from training.loop.checkpoint import latest_checkpoint

    watcher = threading.Thread(target=interrupt_this_process, args=(tmp_path / "two",))
    watcher.start()
    with pytest.raises(KeyboardInterrupt):
        train(toy_dataset, tmp_path / "two", "training.mask.loop.max_steps=100000", workers=2)
    watcher.join()
    saved = latest_checkpoint(tmp_path / "two")
    assert saved is not None
    printed = capsys.readouterr().out
    for number, line in enumerate(
        ("starting 2 workers on Ray", "2 workers have started", "0%, step 1, loss 0.")
    ):
        assert printed.splitlines()[number].startswith(f"mask: {line}")
    assert f"interrupted: saved as {saved}; the same command goes on there" in printed
    longer = f"training.mask.loop.max_steps={int(saved.name.removeprefix('step-')) + 3}"
    for run in ("two", "one"):
        train(toy_dataset, tmp_path / run, "training.mask.loop.accumulation_steps=2", longer)
    two, one = (latest_checkpoint(tmp_path / run) for run in ("two", "one"))
    assert two is not None
    assert one is not None
    assert (two / "weights.safetensors").read_bytes() == (one / "weights.safetensors").read_bytes()


def test_what_cannot_be_had_is_said(toy_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="500 workers need a CPU each"):
        train(toy_dataset, tmp_path / "many", workers=500)
    with pytest.raises(UserError, match="cuda:1 names one device, and each worker has its own"):
        train(toy_dataset, tmp_path / "one", "training.device=cuda:1", workers=2)
    with pytest.raises(UserError, match="need a GPU each, the cluster has 0"):
        train(toy_dataset, tmp_path / "gpu", "training.device=cuda", workers=2)
