"""Offloading: a painter whose large networks are on the device one at a time.

All code gets networks through `Painter.part`, so that is where they are loaded and unloaded. Small
parts (a few million weights) and a quantised language model stay on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inference.loading.packing import PACKED_PARTS, can_pack, pack
from inference.loading.part_loading import INSTRUCTION_MODEL, PartLoader
from ingest.conventions.errors import UserError
from training.painter.painter import Painter

OFFLOADED_PARTS = (
    INSTRUCTION_MODEL, "text_encoder", "mask_text_encoder", "image_encoder", "reference_unet",
    "mask_unet", "unet", "vae",
)  # fmt: skip
"""Parts that offloading moves: more than nine tenths of a painter's weights. No method of `Painter`
computes with two of them at once."""


class OffloadStrategy(Protocol):
    """Loads a network onto the device and unloads it."""

    def load(self, name: str) -> Any:
        """The network, ready to compute on the device."""
        ...

    def unload(self, name: str) -> None:
        """Free the device memory of the network."""
        ...


class HostOffload:
    """Keeps networks in host memory. Weights never change, so unloading copies nothing."""

    def __init__(self, parts: Mapping[str, Any], device: torch.device) -> None:
        self._parts, self._device = parts, device
        self._waiting: list[tuple[Tensor, Tensor]] = []

    def load(self, name: str) -> Any:
        network: nn.Module = self._parts[name]
        for tensor in (*network.parameters(), *network.buffers()):
            self._waiting.append((tensor, tensor.data))
            tensor.data = tensor.data.to(self._device)
        return network

    def unload(self, name: str) -> None:
        for tensor, host in self._waiting:
            tensor.data = host
        self._waiting.clear()


class DiskOffload:
    """Reads a network from the painter folder each time it is needed."""

    def __init__(self, loader: PartLoader) -> None:
        self._loader = loader

    def load(self, name: str) -> Any:
        return _load_on_device(name, self._loader)

    def unload(self, name: str) -> None:
        """Does nothing: the painter held the only reference."""


class LayerOffload:
    """Keeps layers in host memory; accelerate's hooks copy them to the device one at a time."""

    def __init__(self, parts: Mapping[str, Any], device: torch.device) -> None:
        from accelerate import cpu_offload

        self._parts = {name: cpu_offload(part, device) for name, part in parts.items()}

    def load(self, name: str) -> Any:
        return self._parts[name]

    def unload(self, name: str) -> None:
        """Does nothing: no layer stays on the device."""


class OffloadedPainter(Painter):
    """A `Painter` whose networks in `offloaded` are on the device one at a time."""

    def __init__(
        self,
        resident: Mapping[str, Any],
        offloaded: Mapping[str, Any],
        loader: PartLoader,
        strategy: OffloadStrategy,
        dtype: torch.dtype,
    ) -> None:
        """
        Args:
            resident: parts that stay on the device.
            offloaded: the other parts by name; only `strategy` uses the values.
            dtype: number format of the UNets.
        """
        super().__init__({**resident, **offloaded}, loader.settings, loader.device)
        self._offloaded, self._strategy, self._dtype = frozenset(offloaded), strategy, dtype
        self._loaded: tuple[str, Any] | None = None

    @property
    def dtype(self) -> torch.dtype:
        return self._dtype

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Painter:
        raise UserError(
            f"a painter with offload stays on {self.device} in {self._dtype}: set "
            "inference.device and inference.dtype before it is loaded"
        )

    def part(self, name: str) -> Any:
        if name not in self._offloaded:
            return super().part(name)
        if self._loaded is None or self._loaded[0] != name:
            self.unload_current()
            # Outside of inference mode: weights that were moved in it could not be moved again.
            with torch.inference_mode(mode=False), torch.no_grad():
                self._loaded = (name, self._strategy.load(name))
        return self._loaded[1]

    def unload_current(self) -> None:
        """Unload the offloaded network that is on the device, if any."""
        if self._loaded is not None:
            name, self._loaded = self._loaded[0], None
            with torch.inference_mode(mode=False), torch.no_grad():
                self._strategy.unload(name)


def load_for_inference(loader: PartLoader) -> Painter:
    """The painter of a folder, its networks placed as the loader's switches say.

    Raises:
        UserError: layer offloading on a CPU.
    """
    offload, offloaded = loader.memory.offload, offloaded_parts(loader)
    if offload == "layer" and loader.device.type == "cpu":
        raise UserError(
            "inference.memory.offload layer moves layers from host memory to a GPU, and the device "
            "is the CPU: take offload network, which leaves networks on the disk"
        )
    resident = {
        name: _load_on_device(name, loader) for name in loader.classes if name not in offloaded
    }
    if not offloaded:
        return Painter(resident, loader.settings)
    if loader.device.type == "cpu":
        waiting: dict[str, Any] = dict.fromkeys(offloaded)
        strategy: OffloadStrategy = DiskOffload(loader)
    else:
        waiting = {name: loader.load(name) for name in offloaded}
        strategy = (LayerOffload if offload == "layer" else HostOffload)(waiting, loader.device)
    return OffloadedPainter(resident, waiting, loader, strategy, loader.network_dtype)


def offloaded_parts(loader: PartLoader) -> tuple[str, ...]:
    """Names of the parts that are offloaded with the loader's switches."""
    # Quantised weights have scales that are not moved with the tensors.
    stays = INSTRUCTION_MODEL if loader.memory.llava_bits is not None else ""
    if loader.memory.offload == "none":
        return ()
    return tuple(name for name in loader.classes if name in OFFLOADED_PARTS and name != stays)


def _load_on_device(name: str, loader: PartLoader) -> Any:
    """A part on the device, packed for the CPU if possible; with the release's quirks memory
    layouts do not change."""
    part = loader.load(name)
    if not isinstance(part, nn.Module):
        return part
    part.to(loader.device)
    is_packed = name in PACKED_PARTS and can_pack(loader.device, loader.network_dtype)
    if is_packed and not loader.is_official:
        pack(part)
    return part
