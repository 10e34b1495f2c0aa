"""A painter without networks, a distance without LPIPS, and pictures that they paint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.command.session_making import make_session
from inference.inputs.picture import Picture
from inference.output.session import PainterRecord, Session
from inference.rollout.region import RegionConfig
from inference.rollout.rollout import paint
from inference.rollout.steps import Artist, Instruction, Step
from inference.rollout.stop import StopConfig
from inference.settings import InferenceConfig
from ingest.format.images import encode_image

SIDE_PX = 32
"""Short side that the tiny painter works at."""

WORDS = ("sky", "mountain", "ground", "tree", "grass", "details")


class BandArtist(Artist):
    """Paints the picture in bands from top to bottom, one a step; counts what it was asked."""

    def __init__(self, num_bands: int = 4) -> None:
        self.num_bands, self.calls = num_bands, []

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        self.calls.append("instruct")
        return Instruction(WORDS[self._band(canvas, target) % len(WORDS)], 0.8)

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        self.calls.append("locate")
        probability = np.zeros(canvas.shape[:2], np.float32)
        probability[self._rows(canvas, target)] = 0.9
        return probability

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        self.calls.append("render")
        return np.where(mask[..., None], target, canvas)

    def _band(self, canvas: np.ndarray, target: np.ndarray) -> int:
        """The first band that is not the target's yet."""
        for band in range(self.num_bands):
            rows = self._slice(band, len(canvas))
            if not np.array_equal(canvas[rows], target[rows]):
                return band
        return self.num_bands - 1

    def _rows(self, canvas: np.ndarray, target: np.ndarray) -> slice:
        return self._slice(self._band(canvas, target), len(canvas))

    def _slice(self, band: int, height: int) -> slice:
        edges = np.linspace(0, height, self.num_bands + 1).astype(int)
        return slice(edges[band], edges[band + 1])


class PixelMetric:
    """Distances by plain pixels: 0 for equal canvases, 1 for black against white."""

    def difference(self, canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
        return np.abs(canvas.astype(int) - target).max(axis=2) > 24

    def distance(self, first: np.ndarray, second: np.ndarray) -> float:
        return float(np.abs(first.astype(float) - second).mean() / 255)


def landscape(height: int = 96, width: int = 128) -> np.ndarray:
    """Sky, hill, ground and a tree, with a little grain. RGB uint8 (H, W, 3)."""
    rng = np.random.default_rng(5)
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (120, 165, 215)
    horizon = int(height * 0.6)
    hill = np.array([[0, horizon], [width // 2, height // 4], [width, horizon]], np.int32)
    cv2.fillPoly(image, [hill], (110, 105, 120))
    image[horizon:] = (100, 130, 70)
    cv2.circle(image, (width // 4, horizon), height // 6, (45, 85, 50), -1)
    grain = rng.integers(-12, 13, (height, width, 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


@pytest.fixture
def target() -> np.ndarray:
    return landscape()


@pytest.fixture
def artist() -> BandArtist:
    return BandArtist()


@pytest.fixture
def metric() -> PixelMetric:
    return PixelMetric()


@pytest.fixture
def picture(target: np.ndarray) -> Picture:
    return Picture(Path("toy/<b>hill</b> & [red]sky[/].png"), target, "ab" * 32, (128, 96))


@pytest.fixture
def steps(target: np.ndarray, artist: BandArtist, metric: PixelMetric) -> list[Step]:
    """Four bands painted, the last one arriving at the picture."""
    return list(paint(target, artist, metric, 20.0, RegionConfig(), StopConfig(arrived=0.01)))


@pytest.fixture
def make_session_of(picture: Picture) -> Callable[[list[Step]], Session]:
    """The session of some steps, as `paint_picture` makes it."""
    record = PainterRecord(name="bands", preset="pocket", fingerprint="0" * 12)

    def make(steps: list[Step]) -> Session:
        return make_session(steps, picture, record, InferenceConfig(), {"numpy": "2"})[0]

    return make


@pytest.fixture
def session(steps: list[Step], make_session_of: Callable[[list[Step]], Session]) -> Session:
    return make_session_of(steps)


@pytest.fixture(scope="session")
def painter_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole pocket painter of random weights, working at 32 px; needs torch."""
    import torch

    from training.initial_parts import initial_parts
    from training.networks.language import LanguageConfig, build_instruction_model
    from training.networks.presets import POCKET
    from training.painter.folder import ALL_PARTS, PainterSettings, save_painter

    preset = POCKET.model_copy(update={"image_side_px": SIDE_PX, "num_steps": 2})
    language = LanguageConfig(
        image_px=32, patch_px=16, vision_width=48, vision_layers=1, text_width=32, text_layers=1,
        head_width=16,
    )  # fmt: skip
    networks = tuple(name for name in ALL_PARTS if not name.startswith("instruction"))
    parts = initial_parts(networks, preset, 3, "", "")
    # Untrained, the renderer leaves the canvas as it is: a random last layer makes it paint.
    generator = torch.Generator().manual_seed(1)
    torch.nn.init.normal_(parts["unet"].conv_out.weight, std=0.1, generator=generator)
    model, processor = build_instruction_model(language, 3)
    parts |= {"instruction_model": model, "instruction_processor": processor}
    folder = tmp_path_factory.mktemp("painter") / "tiny"
    settings = PainterSettings(preset=preset, interval_s=10.0, num_steps=2)
    save_painter(parts, settings, folder)
    return folder


@pytest.fixture(scope="session")
def rival_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Timecraft of random weights; needs torch."""
    import torch

    from training.rivals.timecraft.network import NextFrameNetwork
    from training.rivals.timecraft.settings import TimecraftSettings, save_timecraft

    torch.manual_seed(1)
    network = NextFrameNetwork()
    # With torch's own small weights the latent hardly counts.
    for weight in network.parameters():
        if weight.ndim > 1:
            torch.nn.init.kaiming_normal_(weight)
    folder = tmp_path_factory.mktemp("rival") / "timecraft"
    save_timecraft(folder, network, TimecraftSettings(), {}, "none: made by a test")
    return folder


@pytest.fixture(scope="session")
def picture_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of 80 x 64 px on disk."""
    path = tmp_path_factory.mktemp("picture") / "hill.png"
    path.write_bytes(encode_image(landscape(64, 80), "png"))
    return path
