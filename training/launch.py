"""Trains on several GPUs and nodes with Ray Train: one process per GPU, in one process group.

Ray restarts all processes when one dies; they resume from the newest checkpoint in the run folder,
as a rerun of the command does. Every node must see the run folder and the dataset. Only this file
of the package imports Ray.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device

from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import connect

if TYPE_CHECKING:
    from training.settings import ObjectiveName, TrainingConfig

ERROR_FILE = "error.json"
"""File of the run folder in which rank 0 leaves the message of a `UserError`."""


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
    run, dataset = run.absolute(), dataset.absolute()
    run.mkdir(parents=True, exist_ok=True)
    (run / ERROR_FILE).unlink(missing_ok=True)
    connect(address)
    use_gpu = _uses_gpu(config.device, num_workers)
    trainer = TorchTrainer(
        _worker,
        train_loop_config={
            "name": name,
            "dataset": str(dataset),
            "run": str(run),
            "config": to_yaml(config, "training"),
            "device": "cuda" if use_gpu else "cpu",
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
        trainer.fit()
    except ray.train.TrainingFailedError as error:
        raise UserError(
            f"training on {num_workers} workers gave up after {config.launch.max_restarts} "
            f"restarts: {' '.join(str(error).split())[:300]}. The same command goes on from the "
            f"newest checkpoint in {run}"
        ) from error
    return _read_result(run)


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
    from training.process import train_in_process
    from training.settings import TrainingConfig

    values = yaml.safe_load(job["config"])["training"]
    device = str(get_device()) if job["device"] == "cuda" else "cpu"
    config = TrainingConfig.model_validate({**values, "device": device})
    run = Path(job["run"])
    try:
        train_in_process(job["name"], Path(job["dataset"]), run, config)
    except UserError as error:
        if ranks.is_rank_zero():
            write_json(run / ERROR_FILE, {"error": str(error)})


def _uses_gpu(device: str, num_workers: int) -> bool:
    """Returns True if each worker gets a GPU. Raises UserError if the cluster has too few GPUs or
    CPUs."""
    have = ray.cluster_resources()
    gpus, cpus = int(have.get("GPU", 0)), int(have.get("CPU", 0))
    wants_gpu = device.startswith("cuda") or (device == "auto" and gpus > 0)
    if wants_gpu and gpus < num_workers:
        raise UserError(
            f"{num_workers} workers need a GPU each, the cluster has {gpus}: ask for fewer "
            "workers, or set training.device=cpu"
        )
    if not wants_gpu and cpus < num_workers:
        raise UserError(f"{num_workers} workers need a CPU each, the cluster has {cpus}")
    return wants_gpu
