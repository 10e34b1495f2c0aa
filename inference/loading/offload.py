"""Networks that take turns on the device: each is there while it computes, and then makes room.

Every network of a painter is reached through `Painter.part`, so that is where turns are taken. The
small parts (a few million weights) and a quantised language model stay on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inference.loading.packing import PACKED_PARTS, can_pack, pack
from inference.loading.part_loading import LANGUAGE, PartLoader
from ingest.conventions.errors import UserError
from training.painter.painter import Painter

TAKING_TURNS = (
    LANGUAGE, "text_encoder", "mask_text_encoder", "image_encoder", "reference_unet", "mask_unet",
    "unet", "vae",
)  # fmt: skip
"""Nine tenths and more of a painter's weights. No method of `Painter` computes with two of them at
once: each uses what `part` gave it before it asks for the next."""


class Turns(Protocol):
    """How a network comes and goes."""

    def take(self, name: str) -> Any:
        """The network, able to compute on the device."""
        ...

    def put_back(self, name: str) -> None:
        """Free what it took there."""
        ...


class HostTurns:
    """Networks wait in host memory. Weights never change, so the way back is no copy."""

    def __init__(self, parts: Mapping[str, Any], device: torch.device) -> None:
        self._parts, self._device = parts, device
        self._waiting: list[tuple[Tensor, Tensor]] = []

    def take(self, name: str) -> Any:
        network: nn.Module = self._parts[name]
        for tensor in (*network.parameters(), *network.buffers()):
            self._waiting.append((tensor, tensor.data))
            tensor.data = tensor.data.to(self._device)
        return network

    def put_back(self, name: str) -> None:
        for tensor, host in self._waiting:
            tensor.data = host
        self._waiting.clear()


class DiskTurns:
    """Networks wait in the painter folder and are read anew at every turn."""

    def __init__(self, loader: PartLoader) -> None:
        self._loader = loader

    def take(self, name: str) -> Any:
        return _placed(name, self._loader)

    def put_back(self, name: str) -> None:
        """Nothing: the painter held the only reference."""


class LayerTurns:
    """Layers wait in host memory and go to the device one at a time, by accelerate's hooks."""

    def __init__(self, parts: Mapping[str, Any], device: torch.device) -> None:
        from accelerate import cpu_offload

        self._parts = {name: cpu_offload(part, device) for name, part in parts.items()}

    def take(self, name: str) -> Any:
        return self._parts[name]

    def put_back(self, name: str) -> None:
        """Nothing: no layer stays."""


class OffloadedPainter(Painter):
    """A `Painter` whose networks in `taking` are on the device one at a time."""

    def __init__(
        self,
        staying: Mapping[str, Any],
        taking: Mapping[str, Any],
        loader: PartLoader,
        turns: Turns,
        dtype: torch.dtype,
    ) -> None:
        """
        Args:
            staying: parts that are on the device for good.
            taking: the others by name; the values are of use to `turns` alone.
            dtype: of the UNets.
        """
        super().__init__({**staying, **taking}, loader.settings, loader.device)
        self._taking, self._turns, self._dtype = frozenset(taking), turns, dtype
        self._present: tuple[str, Any] | None = None

    @property
    def dtype(self) -> torch.dtype:
        return self._dtype

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Painter:
        raise UserError(
            f"a painter with offload stays on {self.device} in {self._dtype}: set "
            "inference.device and inference.dtype before it is loaded"
        )

    def part(self, name: str) -> Any:
        if name not in self._taking:
            return super().part(name)
        if self._present is None or self._present[0] != name:
            self.make_room()
            # Outside of inference mode: weights that were moved in it could not be moved again.
            with torch.inference_mode(mode=False), torch.no_grad():
                self._present = (name, self._turns.take(name))
        return self._present[1]

    def make_room(self) -> None:
        """Send the network that is on the device back to where it waits."""
        if self._present is not None:
            name, self._present = self._present[0], None
            with torch.inference_mode(mode=False), torch.no_grad():
                self._turns.put_back(name)


def placed_painter(loader: PartLoader) -> Painter:
    """The painter of a folder, its networks where the loader's switches want them."""
    offload, taking = loader.memory.offload, taking_turns(loader)
    if offload == "layer" and loader.device.type == "cpu":
        raise UserError(
            "inference.memory.offload layer moves layers from host memory to a GPU, and the device "
            "is the CPU: take offload network, which leaves networks on the disk"
        )
    staying = {name: _placed(name, loader) for name in loader.classes if name not in taking}
    if not taking:
        return Painter(staying, loader.settings)
    if loader.device.type == "cpu":
        waiting: dict[str, Any] = dict.fromkeys(taking)
        turns: Turns = DiskTurns(loader)
    else:
        waiting = {name: loader.load(name) for name in taking}
        turns = (LayerTurns if offload == "layer" else HostTurns)(waiting, loader.device)
    return OffloadedPainter(staying, waiting, loader, turns, loader.network_dtype)


def taking_turns(loader: PartLoader) -> tuple[str, ...]:
    """Parts that are not always on the device."""
    # Weights of 4 and 8 bit carry scales beside them that do not travel as tensors do.
    stays = LANGUAGE if loader.memory.llava_bits is not None else ""
    if loader.memory.offload == "none":
        return ()
    return tuple(name for name in loader.classes if name in TAKING_TURNS and name != stays)


def _placed(name: str, loader: PartLoader) -> Any:
    """A part on the device. Packed where that helps, as the last thing that is done to it; with the
    release's quirks nothing is laid out anew."""
    part = loader.load(name)
    if not isinstance(part, nn.Module):
        return part
    part.to(loader.device)
    is_packed = name in PACKED_PARTS and can_pack(loader.device, loader.network_dtype)
    if is_packed and not loader.is_official:
        pack(part)
    return part
