"""Two workers on Ray Train, one of them killed."""

from __future__ import annotations

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


def kill_one_rank(run: Path, killed: list[int]) -> None:
    """Once a checkpoint is there, SIGKILL one of the two workers."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not list((run / "checkpoints").glob("step-*")):
        time.sleep(0.02)
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


def test_what_cannot_be_had_is_said(toy_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="500 workers need a CPU each"):
        train(toy_dataset, tmp_path / "many", workers=500)
    with pytest.raises(UserError, match="need a GPU each, the cluster has 0"):
        train(toy_dataset, tmp_path / "gpu", "training.device=cuda", workers=2)
