"""The steps of Paint Transformer's training, on strokes that it makes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from training.loop.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from training.loop.optimizer import optimizer_tensors, restore_optimizer
from training.rivals.paint_transformer.brushes import Brushes, oil_brushes
from training.rivals.paint_transformer.losses import losses_of
from training.rivals.paint_transformer.network import StrokeNetwork, set_first_weights
from training.rivals.paint_transformer.practice import random_practice

PUBLISHED_STEPS = 56_320
"""Steps of the published training: 220 epochs of 16,384 patches, 64 a step."""
NUM_PARTS, FULL_PARTS, FALL = 44, 40, 0.3
"""Of so many parts of the steps the first ones are taken at the full rate, and before each of the
others it falls to that share of itself."""
KEPT_CHECKPOINTS = 1


class PaintTransformerTraining(Config):
    """How Paint Transformer is trained; defaults are published values."""

    seed: int = 0
    """Of first weights, strokes and dropout."""
    steps: int = Field(default=PUBLISHED_STEPS, ge=1)
    """Steps in all."""
    rate: float = Field(default=1e-4, gt=0)
    """Learning rate of Adam before it falls."""
    batch: int = Field(default=64, ge=4, multiple_of=4)
    """Patches of a step."""


class PaintTransformerTrainer:
    """Network and optimiser of a run. All randomness follows from the seed and the step's number,
    so a run that is continued ends with the same bytes."""

    def __init__(self, settings: PaintTransformerTraining) -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        self.network, self.brushes = StrokeNetwork(), Brushes(oil_brushes())
        set_first_weights(self.network)
        self._optimizer = torch.optim.Adam(
            self.network.parameters(), lr=settings.rate, betas=(0.5, 0.999)
        )
        self._names = [name for name, _ in self.network.named_parameters()]
        self.num_steps = 0
        """Steps done."""

    def step(self) -> float:
        """One update; returns the loss.

        Raises:
            UserError: the loss is not finite.
        """
        settings = self.settings
        generator = torch.Generator().manual_seed(settings.seed * 2**32 + self.num_steps)
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        practice = random_practice(settings.batch, self.brushes.pictures, generator)
        shapes, logits = self.network.train()(practice.after, practice.before)
        loss = losses_of(practice, shapes, logits, self.brushes.pictures).total()
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is not finite at step {self.num_steps}: lower the rate "
                f"({settings.rate:g}); the last checkpoint is as it was"
            )
        for group in self._optimizer.param_groups:
            group["lr"] = settings.rate * rate_share(self.num_steps, settings.steps)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self.num_steps += 1
        return float(loss.detach())

    def save(self, run: Path) -> None:
        """Write a checkpoint."""
        groups = {
            "network": self.network.state_dict(),
            "optimizer": optimizer_tensors(self._optimizer, self._names),
        }
        state = {"record": self.settings.model_dump(), "num_steps": self.num_steps}
        save_checkpoint(run, self.num_steps, groups, state, KEPT_CHECKPOINTS)

    def resume(self, run: Path) -> None:
        """Go on from the newest checkpoint, if there is one.

        Raises:
            UserError: it is damaged, or was trained with other settings.
        """
        path = latest_checkpoint(run)
        if path is None:
            return
        saved, record = load_checkpoint(path), self.settings.model_dump()
        before: dict[str, Any] = saved.state.get("record") or {}
        other = [name for name in record if before.get(name) != record[name]]
        if other:
            raise UserError(
                f"{run} was trained with other values of {', '.join(other)}: choose another -o, or "
                "give the same settings"
            )
        self.network.load_state_dict(saved.groups["network"])
        restore_optimizer(self._optimizer, self._names, saved.groups["optimizer"])
        self.num_steps = saved.state["num_steps"]


def rate_share(done: int, steps: int) -> float:
    """Share of the full learning rate of the step after `done` of all steps: 1, at last 0.3, 0.09,
    0.027, 0.0081."""
    return FALL ** max(0, done * NUM_PARTS // steps - FULL_PARTS + 1)
