"""Settings of the inference package: top key ``inference`` of pipelines.yaml."""

from __future__ import annotations

from typing import Literal

from inference.artist.detail import DetailConfig
from inference.artist.planned.settings import StrokesConfig
from inference.artist.sampling import SamplingConfig
from inference.inputs.jobs import WorkConfig
from inference.inputs.picture import PictureConfig
from inference.loading.memory_config import MemoryConfig
from inference.output.export import ExportConfig
from inference.output.stroke_film import StrokeFilmConfig
from inference.output.viewer import ViewerConfig
from inference.rollout.finish import FinishConfig
from inference.rollout.region import RegionConfig
from inference.rollout.steps import RolloutConfig
from inference.rollout.stop import StopConfig
from ingest.conventions.config import Config


class InferenceConfig(Config):
    """Settings of `python -m inference paint`."""

    painter: str = "learned"
    """Painter folder, name of a hub repository, or an order for strokes: learned, prototype,
    coarse-to-fine, random-regions, fade-in."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, ...; auto takes a GPU if there is one."""
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """Number format of the networks; auto is float16 for paper on a GPU and float32 otherwise."""
    quirks: Literal["fixed", "official"] = "fixed"
    """official repeats the authors' release with its faults (docs/inference.md lists them); fixed
    paints without them."""
    memory: MemoryConfig = MemoryConfig()
    """Switches that save memory."""
    picture: PictureConfig = PictureConfig()
    """Reading of the picture."""
    rollout: RolloutConfig = RolloutConfig()
    """The painting loop."""
    strokes: StrokesConfig = StrokesConfig()
    """Painting with strokes (orders)."""
    region: RegionConfig = RegionConfig()
    """Choice of the next region."""
    sampling: SamplingConfig = SamplingConfig()
    """Sampler of the renderer, at the networks' size."""
    detail: DetailConfig = DetailConfig()
    """Upsampling of a rendered canvas to full size."""
    stop: StopConfig = StopConfig()
    """Stop rule."""
    finish: FinishConfig = FinishConfig()
    """The last step, which sets the canvas to the picture."""
    film: StrokeFilmConfig = StrokeFilmConfig()
    """The film of a painting in strokes."""
    export: ExportConfig = ExportConfig()
    """Film, GIF and contact sheet."""
    viewer: ViewerConfig = ViewerConfig()
    """The page that plays it."""
    work: WorkConfig = WorkConfig()
    """Batches, and actors on many GPUs."""
