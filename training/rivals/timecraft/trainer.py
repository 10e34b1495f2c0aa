"""The steps of Timecraft's training: pairs of canvases first, then rows of them and a critic."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from training.loop.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from training.loop.optimizer import optimizer_tensors, restore_optimizer
from training.rivals.timecraft.learners import Critic, StepEncoder, start_weights
from training.rivals.timecraft.losses import (
    PAIR_WEIGHT,
    SEQUENCE_WEIGHT,
    Penalty,
    critic_loss,
    step_loss,
)
from training.rivals.timecraft.network import NUM_LATENTS, NextFrameNetwork
from training.rivals.timecraft.processes import CropExamples

CRITIC_UPDATES = 5
"""Updates of the critic before each update by it."""
ROW_LENGTHS = (3, 5)
"""Steps that are painted in a row."""
KEPT_CHECKPOINTS = 2


class TimecraftTraining(Config):
    """How Timecraft is trained; defaults are published values."""

    seed: int = 0
    """Of first weights, crops and noise."""
    rate: float = Field(default=1e-4, gt=0)
    """Learning rate of both optimisers (Nadam)."""
    batch: int = Field(default=16, ge=1)
    """Crops of an update by pairs."""
    row_batch: int = Field(default=16, ge=1)
    """Crops of an update by rows, or by the critic (not published)."""
    rollout_steps: int = Field(default=40, ge=2)
    """Steps from white that the critic judges."""
    sampling_from: int = Field(default=5000, ge=0)
    """Step of the second stage from which on whole roll-outs are trained (published: 5 epochs of at
    most 1000 batches)."""
    penalty: Penalty = "gradient"
    """What holds the critic; scores is what the authors' code does."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format of the painting network's sums; bfloat16 takes half the time on processors that
    multiply in it."""


class TimecraftTrainer:
    """Networks and optimisers of a run. All randomness follows from the seed and the step's number,
    so a run that is continued ends with the same bytes."""

    def __init__(self, examples: CropExamples, settings: TimecraftTraining) -> None:
        self.examples, self.settings = examples, settings
        # The order of channels changes no value; convolutions are a fifth faster.
        self.network = NextFrameNetwork().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.encoder, self.critic = StepEncoder(), Critic()
        torch.manual_seed(settings.seed)
        start_weights(self.network, self.encoder, self.critic)
        self._painters = nn.ModuleDict({"network": self.network, "encoder": self.encoder})
        self._optimizer = self._new_optimizer(self._painters)
        self._critic_optimizer = self._new_optimizer(self.critic)
        self.num_pairs = self.num_rows = 0
        """Steps done of the first and of the second stage."""
        self._rng, self._noise = np.random.default_rng(0), torch.Generator()

    def pair_step(self) -> float:
        """One update by pairs of neighbouring canvases; returns the loss."""
        self._draw_by(1, self.num_pairs)
        finished, canvases = self.examples.draw(self._rng, self.settings.batch)
        loss = self._row_loss(finished, canvases, PAIR_WEIGHT)
        self.num_pairs += 1
        return self._update(loss)

    def row_step(self) -> float:
        """One step of the second stage: even ones paint rows, odd ones train the critic and then
        paint whole roll-outs, at first rows too; returns the painter's loss."""
        self._draw_by(2, self.num_rows)
        settings, is_odd = self.settings, self.num_rows % 2 == 1
        samples = is_odd and self.num_rows >= settings.sampling_from
        if is_odd:
            self._train_critic()
        if samples:
            loss = self._rollout_loss()
        else:
            length = int(self._rng.choice(ROW_LENGTHS))
            finished, canvases = self.examples.draw(self._rng, settings.row_batch, length)
            loss = self._row_loss(finished, canvases, SEQUENCE_WEIGHT)
        self.num_rows += 1
        return self._update(loss)

    def save(self, run: Path, record: dict[str, Any]) -> None:
        """Write a checkpoint; `record` must be the same when the run goes on."""
        step, modules = self.num_pairs + self.num_rows, self._modules()
        groups = {name: module.state_dict() for name, module in modules.items()}
        for name, (optimizer, module) in self._optimizers().items():
            groups[name] = optimizer_tensors(optimizer, _names(module))
        state = {"record": record, "num_pairs": self.num_pairs, "num_rows": self.num_rows}
        save_checkpoint(run, step, groups, state, KEPT_CHECKPOINTS)

    def resume(self, run: Path, record: dict[str, Any]) -> bool:
        """Go on from the newest checkpoint; returns False if there is none.

        Raises:
            UserError: it is damaged, or was trained with other settings or data.
        """
        path = latest_checkpoint(run)
        if path is None:
            return False
        saved = load_checkpoint(path)
        if saved.state.get("record") != record:
            before = saved.state.get("record") or {}
            other = [name for name in record if before.get(name) != record[name]]
            raise UserError(
                f"{run} was trained with other values of {', '.join(other)}: choose another -o, or "
                "give the same settings"
            )
        for name, module in self._modules().items():
            module.load_state_dict(saved.groups[name])
        for name, (optimizer, module) in self._optimizers().items():
            restore_optimizer(optimizer, _names(module), saved.groups[name])
        self.num_pairs, self.num_rows = saved.state["num_pairs"], saved.state["num_rows"]
        return True

    def _row_loss(self, finished: Tensor, canvases: Tensor, weight: float) -> Tensor:
        """Mean loss of the steps of a row, each from the canvas that was painted before."""
        canvas, losses = canvases[0], []
        for real in canvases[1:]:
            mean, log_variance = self.encoder(finished, canvas, real)
            latent = mean + (log_variance / 2).exp() * self._normal(*mean.shape)
            painted = self._painted(finished, canvas, latent)
            losses.append(step_loss(painted, real, mean, log_variance, weight))
            canvas = painted.clamp(-1, 1)
        return torch.stack(losses).mean()

    def _painted(self, finished: Tensor, canvas: Tensor, latent: Tensor) -> Tensor:
        """The next canvas, not clipped, in the run's number format."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.dtype == "bfloat16"):
            return self.network(finished, canvas, latent)

    def _rollout(self, finished: Tensor) -> list[Tensor]:
        """Canvases from white, (B, 3, 50, 50) each, by latents that are drawn."""
        canvases = [torch.ones_like(finished)]
        for _ in range(self.settings.rollout_steps):
            latent = self._normal(len(finished), NUM_LATENTS)
            canvases.append(self._painted(finished, canvases[-1], latent).clamp(-1, 1))
        return canvases

    def _rollout_loss(self) -> Tensor:
        finished = self.examples.draw_pictures(self._rng, self.settings.row_batch)
        canvases = self._rollout(finished)
        scores = [
            self.critic(finished, before, after).mean() for before, after in pairwise(canvases)
        ]
        return (canvases[-1] - finished).abs().mean() - torch.stack(scores).mean()

    def _train_critic(self) -> None:
        """Updates of the critic, each by random steps of one roll-out against real steps."""
        count = self.settings.row_batch
        finished, canvases = self.examples.draw(self._rng, count)
        with torch.no_grad():
            painted = self._rollout(finished)
        for _ in range(CRITIC_UPDATES):
            step = int(self._rng.integers(len(painted) - 1))
            share = torch.rand(count, 1, 1, 1, generator=self._noise)
            loss = critic_loss(
                self.critic, finished, (canvases[0], canvases[1]),
                (painted[step], painted[step + 1]), share, self.settings.penalty,
            )  # fmt: skip
            self._critic_optimizer.zero_grad()
            loss.backward()
            self._critic_optimizer.step()

    def _update(self, loss: Tensor) -> float:
        value = float(loss.detach())
        if not np.isfinite(value):
            raise UserError(
                f"the loss is {value} at step {self.num_pairs + self.num_rows}: lower the rate "
                f"({self.settings.rate:g}); the last checkpoint is as it was"
            )
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return value

    def _draw_by(self, stage: int, step: int) -> None:
        """Set all randomness to what belongs to a step."""
        self._rng = np.random.default_rng([self.settings.seed, stage, step])
        self._noise.manual_seed(int(self._rng.integers(2**62)))

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._noise)

    def _new_optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        # 1e-7 is Keras' own, by which it was published.
        return torch.optim.NAdam(module.parameters(), lr=self.settings.rate, eps=1e-7)

    def _modules(self) -> dict[str, nn.Module]:
        return {"painters": self._painters, "critic": self.critic}

    def _optimizers(self) -> dict[str, tuple[torch.optim.Optimizer, nn.Module]]:
        return {
            "optimizer": (self._optimizer, self._painters),
            "critic_optimizer": (self._critic_optimizer, self.critic),
        }


def _names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]
