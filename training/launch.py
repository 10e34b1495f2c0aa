"""Trains on several GPUs and nodes with Ray Train: one process per GPU, in one process group.

Ray restarts all processes when one dies; they resume from the newest checkpoint in the run folder,
as a rerun of the command does. Every node must see the run folder and the dataset. What the workers
have to show reaches the driver's terminal through an actor, and Ctrl-C there the workers. Only this
file of the package imports Ray.
"""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import connect
from training.loop.display import Terminal
from training.loop.stop_signals import end_by
from training.streaming.sample_list import is_address

if TYPE_CHECKING:
    from training.settings import ObjectiveName, TrainingConfig

ERROR_FILE = "error.json"
"""File of the run folder in which rank 0 leaves the message of a `UserError`."""
POLL_S = 0.2
"""Seconds between looks into the mailbox, and at least between two posts of progress."""
ENDED = "ended"
"""Message of a rank that has ended because of a signal."""
Message = tuple[str, tuple[Any, ...]]
"""Method of `Terminal` (or `ENDED`) and its arguments."""


def train_on_ray(
    name: ObjectiveName,
    dataset: Path,
    run: Path,
    config: TrainingConfig,
    num_workers: int,
    address: str | None = None,
) -> dict[str, Any]:
    """Train one objective on `num_workers` processes of a Ray cluster (a private one without an
    address). Each process has a GPU, unless `training.device` is cpu, or is auto and the cluster
    has no GPU.

    Returns:
        The run's `TrainingResult` as a dict.

    Raises:
        UserError: fewer GPUs or CPUs than workers, a UserError of a worker, or workers that died
            more often than `training.launch.max_restarts` allows.
    """
    run = run.absolute()
    dataset = dataset if is_address(dataset) else dataset.absolute()
    run.mkdir(parents=True, exist_ok=True)
    (run / ERROR_FILE).unlink(missing_ok=True)
    print(f"{name}: starting {num_workers} workers on Ray", flush=True)
    connect(address)
    use_gpu = _uses_gpu(config.device, num_workers)
    mailbox = _mailbox_here()
    trainer = TorchTrainer(
        _worker,
        train_loop_config={
            "name": name,
            "dataset": str(dataset),
            "run": str(run),
            "config": to_yaml(config, "training"),
            "device": "cuda" if use_gpu else "cpu",
            "mailbox": mailbox,
        },
        scaling_config=ScalingConfig(
            num_workers=num_workers,
            use_gpu=use_gpu,
            resources_per_worker={"CPU": 1, **({"GPU": 1} if use_gpu else {})},
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=str(run),
            failure_config=FailureConfig(max_failures=config.launch.max_restarts),
        ),
    )
    try:
        _fit(trainer, mailbox, Terminal(name))
    except ray.train.TrainingFailedError as error:
        raise UserError(
            f"training on {num_workers} workers gave up after {config.launch.max_restarts} "
            f"restarts: {' '.join(str(error).split())[:300]}. The same command goes on from the "
            f"newest checkpoint in {run}"
        ) from error
    return _read_result(run)


class _Mailbox:
    """Actor that holds what the workers have to show, and the signal by which they are to stop."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.signal = 0

    def post(self, method: str, *values: Any) -> None:
        self.messages.append((method, values))

    def take(self, signal: int) -> list[Message]:
        """The messages since the last call. Leaves the driver's signal for the workers."""
        taken, self.messages, self.signal = self.messages, [], signal
        return taken

    def stop_signal(self) -> int:
        return self.signal


class _WorkerDisplay:
    """The `Display` of a rank: calls the same method of the driver's, through the mailbox. Nothing
    here waits for the mailbox, so it costs a step no time."""

    def __init__(self, mailbox: Any) -> None:
        self.mailbox = mailbox
        self._signal, self._asked = 0, mailbox.stop_signal.remote()
        self._next_s = 0.0

    def begin(self) -> None:
        self.mailbox.post.remote("begin")

    def advance(self, fraction: float, step: int, loss: float, steps_per_s: float) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + POLL_S
            self.mailbox.post.remote("advance", fraction, step, loss, steps_per_s)

    def say(self, text: str) -> None:
        self.mailbox.post.remote("say", text)

    def warn(self, text: str) -> None:
        self.mailbox.post.remote("warn", text)

    def stop_signal(self) -> int:
        if ray.wait([self._asked], timeout=0)[0]:
            self._signal = int(ray.get(self._asked))
            self._asked = self.mailbox.stop_signal.remote()
        return self._signal

    def ended(self) -> None:
        """Tell the driver that the run ends before its time, once all before it has arrived."""
        ray.get(self.mailbox.post.remote(ENDED))


def _fit(trainer: TorchTrainer, mailbox: Any, terminal: Terminal) -> None:
    """Run the trainer and show on the terminal what its workers post.

    Raises:
        KeyboardInterrupt, SystemExit: a signal came, and the workers have saved.
    """
    finished: Future[Any] = Future()

    def fit() -> None:
        try:
            finished.set_result(trainer.fit())
        except BaseException as error:
            finished.set_exception(error)

    # In the main thread Ray would take Ctrl-C for itself, and kill the workers.
    threading.Thread(target=fit, daemon=True).start()
    ended = False
    with terminal:
        while True:
            last = finished.done()
            for method, values in ray.get(mailbox.take.remote(terminal.stop_signal())):
                if method == ENDED:
                    ended = True
                else:
                    getattr(terminal, method)(*values)
            if last:
                break
            wait([finished], timeout=POLL_S)
    finished.result()
    if ended:
        end_by(terminal.stop_signal())


def _mailbox_here() -> Any:
    """A `_Mailbox` on the driver's node: it lives as long as the driver does."""
    node = ray.get_runtime_context().get_node_id()
    here: Any = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(_Mailbox).remote()


def _read_result(run: Path) -> dict[str, Any]:
    """The result that rank 0 wrote into the run folder. Raises UserError if it wrote an error."""
    error = run / ERROR_FILE
    if error.is_file():
        raise UserError(json.loads(error.read_text(encoding="utf-8"))["error"])
    return json.loads((run / "result.json").read_text(encoding="utf-8"))


def _worker(job: dict[str, Any]) -> None:
    """Train as one rank. A `UserError` would recur after every restart: it is written for the
    driver."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import yaml

    from ingest.conventions.atomic import write_json
    from training.loop import ranks
    from training.process import train_rank
    from training.settings import TrainingConfig

    values = yaml.safe_load(job["config"])["training"]
    device = str(get_device()) if job["device"] == "cuda" else "cpu"
    config = TrainingConfig.model_validate({**values, "device": device})
    run = Path(job["run"])
    display = _WorkerDisplay(job["mailbox"])
    if ranks.is_rank_zero():
        display.say(f"{job['name']}: {ranks.num_ranks()} workers have started")
    try:
        train_rank(job["name"], Path(job["dataset"]), run, config, display)
    except UserError as error:
        if ranks.is_rank_zero():
            write_json(run / ERROR_FILE, {"error": str(error)})
    except (KeyboardInterrupt, SystemExit):
        # No failure that Ray would have to repeat.
        display.ended()


def _uses_gpu(device: str, num_workers: int) -> bool:
    """Returns True if each worker gets a GPU. Raises UserError if the cluster has too few GPUs or
    CPUs, or for a device with a number."""
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(
            f"training.device={device} names one device, and each worker has its own: set auto, "
            "cpu or cuda"
        )
    have = ray.cluster_resources()
    gpus, cpus = int(have.get("GPU", 0)), int(have.get("CPU", 0))
    wants_gpu = device == "cuda" or (device == "auto" and gpus > 0)
    if wants_gpu and gpus < num_workers:
        raise UserError(
            f"{num_workers} workers need a GPU each, the cluster has {gpus}: ask for fewer "
            "workers, or set training.device=cpu"
        )
    if not wants_gpu and cpus < num_workers:
        raise UserError(f"{num_workers} workers need a CPU each, the cluster has {cpus}")
    return wants_gpu
