"""Refuses network outputs that are not finite, so that they never become a picture or a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from ingest.conventions.errors import UserError


def finite(values: Tensor, what: str, dtype: torch.dtype) -> Tensor:
    """`values` unchanged. Waits for the device; values on `meta` are not looked at.

    Args:
        what: what the values are, as it stands in the message ("canvas").
        dtype: number format of the networks.

    Raises:
        UserError: a value is infinite or not a number.
    """
    if values.is_meta or bool(torch.isfinite(values).all()):
        return values
    share = 1 - float(torch.isfinite(values).float().mean())
    text = str(dtype).removeprefix("torch.")
    advice = (
        "these networks overflow in float16: use --dtype bfloat16 or float32"
        if dtype == torch.float16
        else "the weights are damaged or their training diverged: take an earlier checkpoint"
    )
    raise UserError(
        f"{share:.1%} of a {what} computed in {text} is not finite, expected numbers only; {advice}"
    )
