"""The state of a training run (weights, moving average, optimiser, stream position) and its
checkpoints; resuming is exact to the bit."""

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
from training.loop.loss_module import (
    LossModule,
    gradient_sync,
    prepare_parts,
    trained_parts,
    wrapped_for_ranks,
)
from training.loop.objective import Batches, Objective
from training.loop.optimizer import build_optimizer, optimizer_tensors, restore_optimizer, set_rates
from training.loop.run_log import RunLog
from training.painter.folder import save_part
from training.streaming.batch import Batch, Position


class Trainer:
    """The state of a run and its steps. The state is the same on every rank; rank 0 writes."""

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
        self.loss_module = LossModule(objective, config, device)
        self.distributed_module = wrapped_for_ranks(self.loss_module, device)
        self.position, self.step, self.trained_s = Position(), 0, 0.0
        self.recent: list[dict[str, float]] = []
        self.loss = float("nan")
        _set_training(objective, True)

    def train_step(self, batches: list[Batch]) -> None:
        """One optimiser step on the gradients added up over `batches`.

        Raises:
            UserError: a loss or gradient that is not finite; the weights are then as before.
        """
        self.optimizer.zero_grad(set_to_none=True)
        losses = []
        for number, batch in enumerate(batches, start=1):
            with gradient_sync(self.distributed_module, last=number == len(batches)):
                terms = self.distributed_module(batch.to(self.device))
                (terms["loss"] / len(batches)).backward()
            losses.append({name: term.detach() for name, term in terms.items()})
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.max_gradient_norm)
        # Gradients are averaged over ranks, so every rank takes the same branch. A loss can be
        # infinite with a gradient of zero; with several ranks `log_losses` finds that.
        lost = ranks.num_ranks() == 1 and not all(math.isfinite(t["loss"]) for t in losses)
        if lost or not math.isfinite(float(norm)):
            self._refuse_step(batches, [float(terms["loss"]) for terms in losses])
        set_rates(self.optimizer, self.config, self.step)
        self.optimizer.step()
        if self.ema:
            self.ema.step(self.parameters.values())
        self.step, self.position = self.step + 1, batches[-1].position
        means = {n: sum(float(terms[n]) for terms in losses) / len(losses) for n in losses[0]}
        self.recent.append(means)

    def _refuse_step(self, batches: list[Batch], losses: list[float]) -> None:
        """Raises UserError naming the batches with a loss that is not finite, on any rank; if only
        a gradient is not finite, all batches of the step."""
        own = [
            (batch.keys, asdict(batch.position), loss)
            for batch, loss in zip(batches, losses, strict=True)
        ]
        everyone = [item for items in ranks.gather_from_all(own) for item in items]
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
        """Write a checkpoint on rank 0. Returns its path there, None on other ranks."""
        path = self._write() if ranks.is_rank_zero() else None
        ranks.barrier()
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
            # The position is the whole state of the loader, for any number of ranks.
            "position": asdict(self.position),
            "recent": self.recent,
            "loss": self.loss if math.isfinite(self.loss) else None,
        }
        return save_checkpoint(self.run, self.step, groups, state, self.config.keep_checkpoints)

    def resume(self) -> bool:
        """Load the newest checkpoint. Returns False if there is none."""
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
        """Log the mean losses since the last entry, over steps and ranks, and the values in
        `more`. Raises UserError, on every rank, if the loss is not finite."""
        names = self.recent[0] if self.recent else {}
        means = {n: sum(r[n] for r in self.recent) / len(self.recent) for n in names}
        means = ranks.mean_over_ranks(means, self.device)
        self.loss = means.get("loss", self.loss)
        if means:
            self._check_finite(self.loss, "training")
        log.scalars("train", {**means, **more}, self.step, self.position.samples_seen)
        self.recent = []

    def validate(self, log: RunLog, validation: Batches | None) -> float | None:
        """Log loss and preview of the averaged weights on validation batches, computed on rank 0.

        Returns:
            The loss, on every rank; None without validation samples.

        Raises:
            UserError: the loss is not finite.
        """
        loss = (
            self._validation_loss(log, validation) if validation and ranks.is_rank_zero() else None
        )
        shared = ranks.broadcast_from_rank_zero(loss)
        self._check_finite(shared, "validation")
        return shared

    def _check_finite(self, loss: float | None, split: str) -> None:
        if loss is not None and not math.isfinite(loss):
            raise UserError(
                f"the {split} loss at step {self.step} of {self.run} is {loss}, expected a number; "
                f"last good checkpoint: {latest_checkpoint(self.run) or 'none'}. Lower the "
                "learning rate or correct the samples, then run again"
            )

    def _validation_loss(self, log: RunLog, validation: Batches) -> float | None:
        with (
            self._averaged_weights(),
            torch.random.fork_rng(),
            torch.no_grad(),
            self.loss_module.autocast(),
        ):
            terms: list[dict[str, Tensor]] = []
            first = None
            for batch in validation.batches(Position()):
                if batch.position.epoch > 0 or len(terms) == self.config.validation_batches:
                    break
                batch = batch.to(self.device)
                first = first or batch
                terms.append(self.loss_module(batch))
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
        """Write the parts with averaged weights into ``parts/`` of the run folder, on rank 0."""
        if ranks.is_rank_zero():
            with self._averaged_weights():
                for name, part in self.objective.parts().items():
                    save_part(part, self.run / "parts" / name)
        ranks.barrier()

    @contextlib.contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Context with the averaged weights, if any, in the networks and dropout off."""
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
    """Parameters that require a gradient, by part and name."""
    return {
        f"{part}.{name}": parameter
        for part, distributed_module in trained_parts(objective).items()
        for name, parameter in distributed_module.named_parameters()
        if parameter.requires_grad
    }


def _set_training(objective: Objective, training: bool) -> None:
    """Switch the training mode (dropout) of the trained parts; frozen parts keep theirs."""
    for part in trained_parts(objective).values():
        part.train(training)
