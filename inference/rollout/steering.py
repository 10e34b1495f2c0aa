"""Steering actions of a rollout, and scripts: JSON lists of actions that can be replayed.

An action is applied before a step (`at`, counted over all steps painted so far, rewound steps
included). With the same picture, painter and settings a script paints the same bytes again. Masks
are stored as PNG inside the JSON, so a script is one file.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.format.images import decode_mask, encode_mask


class Mask(Config):
    """A bool mask (H, W) as base64 of a 1-bit PNG, or as the path of a picture (white is True)."""

    png: str = ""
    """Base64 of the PNG's bytes."""
    file: str = ""
    """Path of a picture of any size, scaled to the canvas; only in scripts written by hand."""

    @classmethod
    def of(cls, mask: np.ndarray) -> Mask:
        """The mask of a bool array (H, W), as PNG."""
        return cls(png=base64.b64encode(encode_mask(mask.astype(bool))).decode("ascii"))

    def pixels(self, size: tuple[int, int]) -> np.ndarray:
        """bool (H, W) of the canvas' size.

        Raises:
            UserError: the file does not exist or is no picture, or the PNG is damaged.
        """
        if self.file:
            grey = cv2.imread(self.file, cv2.IMREAD_GRAYSCALE)
            if grey is None:
                raise UserError(f"mask {self.file} is not there or is no picture: give a PNG")
            mask = grey >= 128
        else:
            try:
                mask = decode_mask(base64.b64decode(self.png, validate=True))
            except (binascii.Error, ValueError) as error:
                raise UserError(f"a mask of the script is damaged ({error})") from error
        if mask.shape == size:
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


def read_script(path: Path) -> list[Action]:
    """The actions of a script file (a JSON list, ordered by `at`).

    Raises:
        UserError: the file cannot be read, or is no script.
    """
    try:
        actions = SCRIPT.validate_python(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(
            f"script {path} cannot be read ({error.strerror}): check the path"
        ) from None
    except (ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"{path} is no script ({reason}): expected a list such as "
            '[{"do": "steer", "at": 2, "instruction": "sky"}]'
        ) from error
    check_order(actions)
    return actions


def check_order(actions: Sequence[Action]) -> None:
    """Raises UserError if an action has a smaller `at` than the one before it."""
    for before, after in itertools.pairwise(actions):
        if after.at < before.at:
            raise UserError(
                f"script: an action at {after.at} stands after one at {before.at}: sort them by "
                "`at`, the number of steps painted before"
            )
