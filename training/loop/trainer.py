"""One run's state: weights, their running average, optimiser, place in the stream; saved and
resumed to the bit."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from ingest.conventions.errors import UserError
from training.loop import ranks
from training.loop.checkpoint import (
    Checkpoint,
    latest_checkpoint,
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from training.loop.config import LoopConfig
from training.loop.objective import Batches, Objective
from training.loop.optimizer import build_optimizer, optimizer_tensors, restore_optimizer, set_rates
from training.loop.run_log import RunLog
from training.loop.step import Step, over_ranks, prepare_parts, trained_parts, without_exchange
from training.painter.folder import save_part
from training.streaming.batch import Batch, Position


class Trainer:
    """One run: weights, their average, the optimiser and the place in the stream. Every rank has
    one, and all of them hold the same; rank 0 writes."""

    def __init__(
        self, objective: Objective, run: Path, config: LoopConfig, device: torch.device
    ) -> None:
        self.objective, self.run, self.config, self.device = objective, run, config, device
        prepare_parts(objective, config, device)
        self.parameters = _trainable(objective)
        self.ema = (
            EMAModel(self.parameters.values(), decay=config.ema_decay, foreach=True)
            if config.ema_decay
            else None
        )
        self.optimizer = build_optimizer(self.parameters, config, device)
        self.single = Step(objective, config, device)
        self.module = over_ranks(self.single, device)
        self.position, self.step, self.trained_s = Position(), 0, 0.0
        self.recent: list[dict[str, float]] = []
        self.loss = float("nan")
        _set_training(objective, True)

    def train_step(self, batches: list[Batch]) -> None:
        """One optimiser step over the batches that are added up.

        Raises:
            UserError: a loss or gradient that is no number; the weights are then as before.
        """
        self.optimizer.zero_grad(set_to_none=True)
        seen = []
        for number, batch in enumerate(batches, start=1):
            with without_exchange(self.module, last=number == len(batches)):
                terms = self.module(batch.to(self.device))
                (terms["loss"] / len(batches)).backward()
            seen.append({name: term.detach() for name, term in terms.items()})
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.max_gradient_norm)
        # Gradients are those of all ranks together, so every rank comes to the same verdict.
        if not math.isfinite(float(norm)):
            self._refuse_step(batches, [float(terms["loss"]) for terms in seen])
        set_rates(self.optimizer, self.config, self.step)
        self.optimizer.step()
        if self.ema:
            self.ema.step(self.parameters.values())
        self.step, self.position = self.step + 1, batches[-1].position
        means = {n: sum(float(terms[n]) for terms in seen) / len(seen) for n in seen[0]}
        self.recent.append(means)

    def _refuse_step(self, batches: list[Batch], losses: list[float]) -> None:
        """Name the batches whose losses are no numbers, on whatever rank they were; if all losses
        are numbers and only a gradient is not, all batches of the step."""
        own = [
            (batch.keys, asdict(batch.position), loss)
            for batch, loss in zip(batches, losses, strict=True)
        ]
        everyone = [item for items in ranks.of_all(own) for item in items]
        bad = [item for item in everyone if not math.isfinite(item[2])]
        what = f"loss of step {self.step + 1} is {bad[0][2]}" if bad else ""
        named = bad or everyone
        keys = [key for keys, _, _ in named for key in keys]
        place = named[0][1]
        last = latest_checkpoint(self.run)
        raise UserError(
            f"the {what or f'gradient of step {self.step + 1} is no number'}: samples "
            f"{', '.join(keys)} (epoch {place['epoch']}, batch {place['batch']}); last good "
            f"checkpoint: {last or 'none'}. Lower the learning rate or correct these samples, then "
            "run again"
        )

    def save(self) -> Path | None:
        """Write a checkpoint of this moment (rank 0, which returns its path)."""
        path = self._write() if ranks.is_chief() else None
        ranks.wait_for_all()
        return path

    def _write(self) -> Path:
        names = list(self.parameters)
        groups = {
            "weights": self.parameters,
            "optimizer": optimizer_tensors(self.optimizer, names),
            "random": random_state(),
        }
        if self.ema:
            groups["average"] = dict(zip(names, self.ema.shadow_params, strict=True))
        state = {
            "objective": self.objective.name,
            "step": self.step,
            "trained_s": self.trained_s,
            "ema_step": self.ema.optimization_step if self.ema else 0,
            # The place in the stream is all the state that the loader has, for any number of ranks.
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
        self._check_fits(saved)
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(saved.groups["weights"][name])
        if self.ema:
            self.ema.shadow_params = [saved.groups["average"][n].to(self.device) for n in names]
            self.ema.optimization_step = saved.state["ema_step"]
        restore_optimizer(self.optimizer, names, saved.groups["optimizer"])
        restore_random_state(saved.groups["random"])
        self.step, self.trained_s = saved.state["step"], saved.state["trained_s"]
        self.position, self.recent = Position(**saved.state["position"]), saved.state["recent"]
        self.loss = saved.state["loss"] if saved.state["loss"] is not None else float("nan")
        return True

    def _check_fits(self, saved: Checkpoint) -> None:
        found = set(saved.groups["weights"])
        if saved.state["objective"] != self.objective.name or found != set(self.parameters):
            odd = sorted(found ^ set(self.parameters))[:3]
            raise UserError(
                f"{saved.path} was trained with another preset or objective (it differs in {odd}): "
                f"choose another run folder than {self.run}, or delete it"
            )
        if self.ema and "average" not in saved.groups:
            raise UserError(
                f"{saved.path} holds no running average (ema_decay was 0 when it was written), "
                f"ema_decay is {self.config.ema_decay} now: set it to 0, or choose another folder"
            )

    def log_losses(self, log: RunLog, **more: float) -> None:
        """Means of the steps since the last entry, over all ranks, and `more` as it is."""
        names = self.recent[0] if self.recent else {}
        means = {n: sum(r[n] for r in self.recent) / len(self.recent) for n in names}
        means = ranks.mean_of_all(means, self.device)
        self.loss = means.get("loss", self.loss)
        log.scalars("train", {**means, **more}, self.step, self.position.samples_seen)
        self.recent = []

    def validate(self, log: RunLog, validation: Batches | None) -> float | None:
        """Loss and preview of the averaged weights on held-out batches (on rank 0; the others
        wait); None without any."""
        loss = self._held_out_loss(log, validation) if validation and ranks.is_chief() else None
        return ranks.of_chief(loss)

    def _held_out_loss(self, log: RunLog, validation: Batches) -> float | None:
        with self._averaged(), torch.random.fork_rng(), torch.no_grad(), self.single.arithmetic():
            terms: list[dict[str, Tensor]] = []
            first = None
            for batch in validation.batches(Position()):
                if batch.position.epoch > 0 or len(terms) == self.config.validation_batches:
                    break
                batch = batch.to(self.device)
                first = first or batch
                terms.append(self.single(batch))
            if first is None:
                return None
            torch.manual_seed(0)
            sheet = self.objective.preview(first)
            if sheet is not None:
                log.picture("preview", sheet, self.position.samples_seen)
        means = {n: sum(float(term[n]) for term in terms) / len(terms) for n in terms[0]}
        log.scalars("val", means, self.step, self.position.samples_seen)
        return means["loss"]

    def save_parts(self) -> None:
        """Put the averaged weights as painter parts into ``parts/`` (rank 0)."""
        if ranks.is_chief():
            with self._averaged():
                for name, part in self.objective.parts().items():
                    save_part(part, self.run / "parts" / name)
        ranks.wait_for_all()

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Averaged weights in place where there are any, dropout off."""
        if self.ema:
            self.ema.store(self.parameters.values())
            self.ema.copy_to(self.parameters.values())
        _set_training(self.objective, False)
        try:
            yield
        finally:
            if self.ema:
                self.ema.restore(self.parameters.values())
            _set_training(self.objective, True)


def _trainable(objective: Objective) -> dict[str, nn.Parameter]:
    return {
        f"{part}.{name}": parameter
        for part, module in trained_parts(objective).items()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def _set_training(objective: Objective, training: bool) -> None:
    """Dropout on or off in the parts that are trained; frozen ones stay as they are built."""
    for part in trained_parts(objective).values():
        part.train(training)
