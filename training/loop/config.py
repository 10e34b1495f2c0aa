"""Settings of the training loop: length, learning rate, precision and logging."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from ingest.conventions.config import Config


class LoopConfig(Config):
    """Settings of the training loop. Defaults suit the pocket preset on a CPU."""

    max_steps: int = Field(default=20_000, ge=1)
    """Optimiser steps after which the run is done."""
    max_epochs: float = Field(default=0.0, ge=0)
    """Above 0 it sets max_steps: so many passes over the training samples, on however many workers
    (paper: 10 for text)."""
    max_time_s: float = Field(default=600.0, gt=0)
    """Seconds of training, all restarts together, after which the run is done."""
    batch_size: int = Field(default=8, ge=1)
    """Samples of one forward pass of one worker."""
    accumulation_steps: int = Field(default=1, ge=1)
    """Batches whose gradients a worker adds up before an optimiser step; a step sees batch_size *
    accumulation_steps * workers samples."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of AdamW after the warm-up."""
    other_rates: dict[str, float] = Field(default_factory=dict)
    """Learning rate, by a part of the parameter's name, of parameters that need another one."""
    warmup_steps: int = Field(default=20, ge=0)
    """Steps over which the rate rises from 0; training from random weights needs it."""
    warmup_share: float = Field(default=0.0, ge=0, le=1)
    """Above 0 it sets warmup_steps: this share of max_steps (paper: 0.03 for text)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """cosine falls to 0 at max_steps."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """Weight decay of AdamW."""
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    """adamw_8bit keeps both moments in 8 bits (bitsandbytes, needs a CUDA GPU): 2 bytes a weight
    instead of 8."""
    max_gradient_norm: float = Field(default=1.0, gt=0)
    """Larger gradients are scaled down to this norm."""
    ema_decay: float = Field(default=0.98, ge=0, lt=1)
    """Decay of the exponential moving average of the weights, which is saved. Long runs use 0.9999;
    0 keeps no average and saves the last weights."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16: the networks compute in bfloat16 (autocast); weights, optimiser and loss stay fp32.
    There is no fp16, whose small gradients become zero."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: a third slower, far less memory."""
    compile_backend: str = ""
    """Backend of torch.compile for the networks that are trained (inductor); empty: none. Pays on a
    GPU, after minutes of compiling; every size of canvas is compiled anew."""
    log_every_steps: int = Field(default=10, ge=1)
    """Steps between entries in TensorBoard and log.jsonl."""
    checkpoint_every_steps: int = Field(default=200, ge=1)
    """Steps between checkpoints; one more is written at the end and on Ctrl-C."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Number of newest checkpoints that are kept; older ones are deleted."""
    validate_every_steps: int = Field(default=200, ge=1)
    """Steps between validation losses and previews; both are also made at the end."""
    validation_batches: int = Field(default=4, ge=1)
    """Number of batches of the val split at most per validation."""

    def resolved(self, num_samples: int, num_workers: int) -> LoopConfig:
        """The config with max_steps and warmup_steps computed from max_epochs and warmup_share,
        where those are set."""
        steps = self.max_steps
        if self.max_epochs:
            per_step = self.batch_size * self.accumulation_steps * num_workers
            steps = max(1, math.ceil(self.max_epochs * num_samples / per_step))
        warmup = round(self.warmup_share * steps) if self.warmup_share else self.warmup_steps
        return self.model_copy(update={"max_steps": steps, "warmup_steps": warmup})


def learning_rate(config: LoopConfig, step: int) -> float:
    """Learning rate at `step`: linear warm-up, then constant or half a cosine."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    if config.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.max_steps)))
    return rate
