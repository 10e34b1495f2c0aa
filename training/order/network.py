"""The order network: from a picture's tokens to the times and the word of every place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers
from training.backbone.backbone import WIDTH, PictureFeatures

WEIGHTS_FILE, SETTINGS_FILE = "order.safetensors", "order.json"
"""Files of an order folder."""
HIDDEN = 128
"""Channels inside the network."""
SEEN_SIDE_PX = 392
"""Short side at which the backbone sees pictures for the network."""
EXTRA_CHANNELS = 5
"""Lab colour and place (x, y), beside the tokens."""


class OrderNetwork(nn.Module):
    """Convolutions and one layer of attention on the grid of tokens (0.7 million weights)."""

    def __init__(self, num_words: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2 * WIDTH + EXTRA_CHANNELS, HIDDEN, 1)
        self.before, self.after = _Block(HIDDEN), _Block(HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.attention = nn.MultiheadAttention(HIDDEN, 4, batch_first=True)
        self.times, self.word = nn.Conv2d(HIDDEN, 2, 1), nn.Conv2d(HIDDEN, num_words, 1)

    def forward(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Places (P, 773, rows, columns) to the times of first and last paint (P, 2, rows, columns)
        in [0, 1], and word logits (P, words, rows, columns)."""
        hidden = self.before(self.enter(places))
        flat = self.norm(hidden.flatten(2).transpose(1, 2))
        mixed = self.attention(flat, flat, flat, need_weights=False)[0]
        hidden = self.after(hidden + mixed.transpose(1, 2).unflatten(2, hidden.shape[2:]))
        return self.times(hidden).sigmoid(), self.word(hidden)


class _Block(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, channels), nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.GroupNorm(8, channels), nn.GELU(), nn.Dropout2d(0.1),
            nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.layers(hidden)


@dataclass(frozen=True, eq=False)
class PlacePrediction:
    """What the network says of one picture, on the grid of its tokens."""

    first: np.ndarray
    """float32 (rows, columns) in [0, 1]: when a place is painted for the first time."""
    last: np.ndarray
    """float32 (rows, columns) in [0, 1]: when it is painted for the last time, not before
    `first`."""
    words: np.ndarray
    """float32 (rows, columns, words): probability of each word."""


class OrderPredictor:
    """The network with its vocabulary."""

    def __init__(self, network: OrderNetwork, vocabulary: tuple[str, ...]) -> None:
        self.network, self.vocabulary = network.eval(), vocabulary

    def predict(self, picture: np.ndarray, features: PictureFeatures) -> PlacePrediction:
        """When and as what each place of a picture, RGB uint8 (H, W, 3), is painted."""
        places = torch.from_numpy(place_channels(picture, features.tokens))[None]
        with torch.inference_mode():
            times, words = self.network(places)
        probabilities = words[0].softmax(dim=0).permute(1, 2, 0)
        first, last = times[0].numpy()
        return PlacePrediction(first, np.maximum(first, last), probabilities.numpy())

    def save(self, folder: Path, record: dict[str, object]) -> None:
        """Write weights in float16, vocabulary, and `record` of the training; other files of the
        folder, such as its model card, stay."""
        state = {k: v.half().contiguous() for k, v in self.network.state_dict().items()}
        write_bytes(folder / WEIGHTS_FILE, save(state))
        write_json(folder / SETTINGS_FILE, {"vocabulary": self.vocabulary, **record})


def load_order(folder: Path) -> OrderPredictor:
    """The predictor of an order folder.

    Raises:
        UserError: no such folder, or it is damaged.
    """
    if not (folder / SETTINGS_FILE).is_file():
        raise UserError(
            f"{folder} is no order folder, {SETTINGS_FILE} is not in it: take "
            f"weights/order of the repository, or train one (python -m training.order -o {folder})"
        )
    refuse_pointers(folder)
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        vocabulary = tuple(settings["vocabulary"])
        network = OrderNetwork(len(vocabulary))
        state = load_file(folder / WEIGHTS_FILE)
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{folder} is damaged ({type(error).__name__}: {str(error)[:120]}): fetch it again, or "
            "train it by `python -m training.order`"
        ) from error
    return OrderPredictor(network, vocabulary)


def place_channels(picture: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The network's input: tokens, Lab colour in [-1, 1] and place, float32 (773, rows, columns).

    Args:
        picture: RGB uint8 (H, W, 3).
        tokens: float32 (rows, columns, 768), as in `PictureFeatures`.
    """
    rows, columns = tokens.shape[:2]
    colours = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB).astype(np.float32) / 127.5 - 1
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    place = np.dstack([(x + 0.5) / columns, (y + 0.5) / rows]) * 2 - 1
    # Tokens have length 1 a layer; their channels are brought to a deviation of about 1.
    planes = np.dstack([tokens * WIDTH**0.5, lab, place])
    return np.ascontiguousarray(planes.transpose(2, 0, 1), np.float32)
