"""Wraps an objective's loss as a module: precision, memory, and gradients averaged over ranks."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ingest.conventions.errors import UserError
from training.loop import ranks
from training.loop.config import LoopConfig
from training.loop.objective import Objective
from training.streaming.batch import Batch


class LossModule(nn.Module):
    """An objective's loss as a module, so that `DistributedDataParallel` sees its gradients."""

    def __init__(self, objective: Objective, config: LoopConfig, device: torch.device) -> None:
        super().__init__()
        self.objective, self.precision, self.device_type = objective, config.precision, device.type
        self.trained = nn.ModuleDict(trained_parts(objective))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The objective's loss terms. The global generator is seeded by the batch, so dropout is
        the same on any rank and after any restart."""
        torch.manual_seed(batch.seeds[0])
        with self.autocast():
            return self.objective.loss(batch)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Autocast to bfloat16 if the config asks for it, else a null context."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, torch.bfloat16)


def trained_parts(objective: Objective) -> dict[str, nn.Module]:
    """Parts with parameters that require a gradient, by name."""
    return {
        name: part
        for name, part in sorted(objective.parts().items())
        if isinstance(part, nn.Module) and any(p.requires_grad for p in part.parameters())
    }


def prepare_parts(objective: Objective, config: LoopConfig, device: torch.device) -> None:
    """Set gradient checkpointing, compilation and memory format of the parts, in place.

    Raises:
        UserError: a compile backend that torch does not know.
    """
    if config.compile_backend:
        known = torch.compiler.list_backends(exclude_tags=())
        if config.compile_backend not in known:
            raise UserError(
                f"loop.compile_backend={config.compile_backend!r} is not known: choose one of "
                f"{', '.join(sorted(known))}, or leave it empty"
            )
    for part in trained_parts(objective).values():
        if config.gradient_checkpointing:
            _checkpoint_gradients(part)
        if config.compile_backend:
            part.compile(backend=config.compile_backend)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
        for part in objective.parts().values():
            # Tensor cores need this layout; other layouts are converted at every convolution.
            if isinstance(part, nn.Module) and any(p.ndim == 4 for p in part.parameters()):
                part.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def wrapped_for_ranks(module: LossModule, device: torch.device) -> nn.Module:
    """The module, its gradients averaged over all ranks after each backward pass."""
    if ranks.num_ranks() == 1:
        return module
    return DistributedDataParallel(
        module,
        device_ids=[device] if device.type == "cuda" else None,
        broadcast_buffers=False,
        # The loss does not depend on a LLaVA's last vision layers and a ReferenceNet's last block.
        find_unused_parameters=True,
        gradient_as_bucket_view=True,
    )


def gradient_sync(module: nn.Module, last: bool) -> contextlib.AbstractContextManager[Any]:
    """Context that averages gradients over ranks only if this is the last accumulated batch."""
    if last or not isinstance(module, DistributedDataParallel):
        return contextlib.nullcontext()
    return module.no_sync()


def _checkpoint_gradients(part: Any) -> None:
    """Switch on transformers' or diffusers' gradient checkpointing; small parts have no switch."""
    if hasattr(part, "gradient_checkpointing_enable"):
        part.gradient_checkpointing_enable({"use_reentrant": False})
        part.enable_input_require_grads()
    elif getattr(part, "_supports_gradient_checkpointing", False):
        part.enable_gradient_checkpointing()
