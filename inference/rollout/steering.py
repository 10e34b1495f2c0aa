"""Steering actions of a rollout: JSON objects that can be replayed (`inference.rollout.script`).

An action is applied before a step (`at`, counted over all steps painted so far, rewound steps
included). With the same picture, painter and settings the same actions paint the same bytes again.
Masks are stored as PNG inside the JSON, so a recorded script is one file.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import Field, TypeAdapter, model_validator

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.format.images import decode_mask, encode_mask


class Mask(Config):
    """A bool mask (H, W) as base64 of a 1-bit PNG, or as the path of a picture (white is True);
    the path may also stand alone, without ``{"file": ...}``."""

    png: str = ""
    """Base64 of the PNG's bytes."""
    file: str = ""
    """Path of a picture of any size, scaled to the canvas; only in scripts written by hand."""

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Mask:
        if bool(self.png) == bool(self.file):
            raise ValueError('expected the path of a picture, {"file": PATH} or {"png": BASE64}')
        return self

    @classmethod
    def of(cls, mask: np.ndarray) -> Mask:
        """The mask of a bool array (H, W), as PNG."""
        return cls(png=base64.b64encode(encode_mask(mask.astype(bool))).decode("ascii"))

    def loaded(self, folder: Path = Path()) -> Mask:
        """The same mask with its pixels in it instead of a path, which is relative to `folder`.

        Raises:
            UserError: the file does not exist, is no picture, or marks nothing.
        """
        if not self.file:
            return self
        path = folder / self.file
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise UserError(f"mask {path} is not there or is no picture: give a PNG, white marks")
        if not (grey >= 128).any():
            raise UserError(f"mask {path} is dark everywhere and marks nothing: white marks")
        return Mask.of(grey >= 128)

    def pixels(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """bool (H, W) of the canvas' size; None for the mask's own.

        Raises:
            UserError: the file does not exist or is no picture, or the PNG is damaged.
        """
        try:
            mask = decode_mask(base64.b64decode(self.loaded().png, validate=True))
        except (binascii.Error, ValueError) as error:
            raise UserError(f"a mask of the script is damaged ({error})") from error
        if size is None or mask.shape == size:
            return mask
        scaled = cv2.resize(
            mask.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST
        )
        return scaled.astype(bool)


class Steer(Config):
    """Overrides of the next step; what is left out stays the painter's choice."""

    do: Literal["steer"] = "steer"
    at: int = Field(ge=0)
    """Steps painted before."""
    instruction: str | None = None
    """Instead of the painter's own."""
    add_instruction: str | None = None
    """After it: ``sky`` and ``clouds`` make ``sky, clouds``."""
    mask: Mask | None = None
    """Instead of the painter's own."""
    add_mask: Mask | None = None
    """Painted too."""


class Lock(Config):
    """Lock a region: further steps do not change it. Earlier locks stay."""

    do: Literal["lock"] = "lock"
    at: int = Field(ge=0)
    mask: Mask


class Unlock(Config):
    """Remove all locks."""

    do: Literal["unlock"] = "unlock"
    at: int = Field(ge=0)


class Rewind(Config):
    """Take back the last steps."""

    do: Literal["rewind"] = "rewind"
    at: int = Field(ge=0)
    steps: int = Field(default=1, ge=1)
    """Number of steps."""


Action = Annotated[Steer | Lock | Unlock | Rewind, Field(discriminator="do")]
"""One steering action; its `do` tells the kind."""
SCRIPT: TypeAdapter[list[Action]] = TypeAdapter(list[Action])
"""Reads and writes scripts as JSON."""


def with_loaded_masks(action: Action, folder: Path) -> Action:
    """The action with the pixels of its masks in it; paths are relative to `folder`."""
    loaded = {
        name: mask.loaded(folder)
        for name in ("mask", "add_mask")
        if isinstance(mask := getattr(action, name, None), Mask)
    }
    return action.model_copy(update=loaded)
