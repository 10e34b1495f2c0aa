"""One run's state: weights, their running average, optimiser, place in the stream; saved and
resumed to the bit."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.training_utils import EMAModel
from pydantic import Field
from torch import Tensor, nn

from ingest.config import Config
from ingest.errors import UserError
from training.batch import Batch, Position
from training.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    optimizer_tensors,
    random_state,
    restore_optimizer,
    restore_random_state,
    save_checkpoint,
)
from training.objective import Batches, Objective
from training.painter_folder import save_part
from training.run_log import RunLog


class LoopConfig(Config):
    """How long and how fast to train. Defaults suit the pocket preset on a CPU."""

    max_steps: int = Field(default=20_000, ge=1)
    """Optimiser steps after which the run is done."""
    max_time_s: float = Field(default=600.0, gt=0)
    """Seconds of training, all restarts together, after which the run is done."""
    batch_size: int = Field(default=8, ge=1)
    """Samples a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of AdamW, after the warm-up."""
    other_rates: dict[str, float] = Field(default_factory=dict)
    """Learning rates of parameters whose names contain the key, where they differ."""
    warmup_steps: int = Field(default=20, ge=0)
    """Steps over which the rate rises from 0; training from nothing needs it."""
    schedule: Literal["constant", "cosine"] = "constant"
    """cosine falls to 0 at max_steps."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """Of AdamW."""
    max_gradient_norm: float = Field(default=1.0, gt=0)
    """Larger gradients are scaled down to this norm."""
    ema_decay: float = Field(default=0.98, ge=0, lt=1)
    """Saved weights are running averages: short runs want a short memory, long ones 0.9999."""
    log_every_steps: int = Field(default=10, ge=1)
    """Steps between entries in TensorBoard and log.jsonl."""
    checkpoint_every_steps: int = Field(default=200, ge=1)
    """Steps between checkpoints; one more is written at the end and on Ctrl-C."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Older ones are deleted."""
    validate_every_steps: int = Field(default=200, ge=1)
    """Steps between validation losses and previews; both are also made at the end."""
    validation_batches: int = Field(default=4, ge=1)
    """At most so many batches of the val split."""


class Trainer:
    """One run: weights, their average, the optimiser and the place in the stream."""

    def __init__(
        self, objective: Objective, run: Path, config: LoopConfig, device: torch.device
    ) -> None:
        self.objective, self.run, self.config, self.device = objective, run, config, device
        self.parameters = _trainable(objective)
        self.ema = EMAModel(self.parameters.values(), decay=config.ema_decay, foreach=True)
        self.optimizer = torch.optim.AdamW(
            _rate_groups(self.parameters, config), weight_decay=config.weight_decay
        )
        self.position, self.step, self.trained_s = Position(), 0, 0.0
        self.recent: list[dict[str, float]] = []
        self.loss = float("nan")
        _set_training(objective, True)

    def train_step(self, batch: Batch) -> None:
        """One optimiser step. Raises UserError when the loss is no number."""
        terms = self.objective.loss(batch.to(self.device))
        value = float(terms["loss"].detach())
        if not math.isfinite(value):
            raise UserError(self._not_finite(batch, value))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step) * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        terms["loss"].backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.config.max_gradient_norm)
        self.optimizer.step()
        self.ema.step(self.parameters.values())
        self.step, self.position = self.step + 1, batch.position
        self.recent.append({name: float(term.detach()) for name, term in terms.items()})

    def _not_finite(self, batch: Batch, value: float) -> str:
        last = latest_checkpoint(self.run)
        return (
            f"the loss of step {self.step + 1} is {value}: samples {', '.join(batch.keys)} "
            f"(epoch {batch.position.epoch}, batch {batch.position.batch}); last good checkpoint: "
            f"{last or 'none'}. Lower the learning rate or correct these samples, then run again"
        )

    def save(self) -> Path:
        """Write a checkpoint of this moment."""
        names = list(self.parameters)
        groups = {
            "weights": self.parameters,
            "average": dict(zip(names, self.ema.shadow_params, strict=True)),
            "optimizer": optimizer_tensors(self.optimizer, names),
            "random": random_state(),
        }
        state = {
            "objective": self.objective.name,
            "step": self.step,
            "trained_s": self.trained_s,
            "ema_step": self.ema.optimization_step,
            "position": asdict(self.position),
            "recent": self.recent,
            "loss": self.loss if math.isfinite(self.loss) else None,
        }
        return save_checkpoint(self.run, self.step, groups, state, self.config.keep_checkpoints)

    def resume(self) -> bool:
        """Go back to the newest checkpoint; False in a fresh run."""
        path = latest_checkpoint(self.run)
        if path is None:
            return False
        saved = load_checkpoint(path)
        names = list(self.parameters)
        found = set(saved.groups["weights"])
        if saved.state["objective"] != self.objective.name or found != set(names):
            odd = sorted(found ^ set(names))[:3]
            raise UserError(
                f"{path} was trained with another preset or objective (it differs in {odd}): "
                f"choose another run folder than {self.run}, or delete it"
            )
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(saved.groups["weights"][name])
        self.ema.shadow_params = [saved.groups["average"][n].to(self.device) for n in names]
        self.ema.optimization_step = saved.state["ema_step"]
        restore_optimizer(self.optimizer, names, saved.groups["optimizer"])
        restore_random_state(saved.groups["random"])
        self.step, self.trained_s = saved.state["step"], saved.state["trained_s"]
        self.position, self.recent = Position(**saved.state["position"]), saved.state["recent"]
        self.loss = saved.state["loss"] if saved.state["loss"] is not None else float("nan")
        return True

    def log_losses(self, log: RunLog) -> None:
        """Means of the steps since the last entry."""
        names = self.recent[0] if self.recent else {}
        means = {n: sum(r[n] for r in self.recent) / len(self.recent) for n in names}
        self.loss = means.get("loss", self.loss)
        log.scalars("train", means, self.step, self.position.samples_seen)
        self.recent = []

    def validate(self, log: RunLog, validation: Batches | None) -> float | None:
        """Loss and preview of the averaged weights on held-out batches; None without any."""
        if validation is None:
            return None
        with self._averaged(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            terms: list[dict[str, Tensor]] = []
            first = None
            for batch in validation.batches(Position()):
                if batch.position.epoch > 0 or len(terms) == self.config.validation_batches:
                    break
                batch = batch.to(self.device)
                first = first or batch
                with torch.no_grad():
                    terms.append(self.objective.loss(batch))
            if first is None:
                return None
            sheet = self.objective.preview(first)
            if sheet is not None:
                log.picture("preview", sheet, self.position.samples_seen)
        means = {n: sum(float(term[n]) for term in terms) / len(terms) for n in terms[0]}
        log.scalars("val", means, self.step, self.position.samples_seen)
        return means["loss"]

    def save_parts(self) -> None:
        """Put the averaged weights as painter parts into ``parts/``."""
        with self._averaged():
            for name, part in self.objective.parts().items():
                save_part(part, self.run / "parts" / name)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Averaged weights in place, dropout off."""
        self.ema.store(self.parameters.values())
        self.ema.copy_to(self.parameters.values())
        _set_training(self.objective, False)
        try:
            yield
        finally:
            self.ema.restore(self.parameters.values())
            _set_training(self.objective, True)


def learning_rate(config: LoopConfig, step: int) -> float:
    """Linear warm-up, then constant or half a cosine; a function of the step alone."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    if config.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.max_steps)))
    return rate


def _rate_groups(parameters: dict[str, nn.Parameter], config: LoopConfig) -> list[dict[str, Any]]:
    """Optimiser groups, one a run of equal rates: the optimiser keeps the order of `parameters`,
    by which checkpoints find its state again."""

    def rate(name: str) -> float:
        found = [value for part, value in config.other_rates.items() if part in name]
        return found[0] if found else config.learning_rate

    return [
        {"params": [parameters[name] for name in names], "share": own / config.learning_rate}
        for own, names in itertools.groupby(parameters, key=rate)
    ]


def _trainable(objective: Objective) -> dict[str, nn.Parameter]:
    return {
        f"{part}.{name}": parameter
        for part, module in sorted(objective.parts().items())
        if isinstance(module, nn.Module)
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def _set_training(objective: Objective, training: bool) -> None:
    """Dropout on or off in the parts that are trained; frozen ones stay as they are built."""
    for part in objective.parts().values():
        if isinstance(part, nn.Module) and any(p.requires_grad for p in part.parameters()):
            part.train(training)
