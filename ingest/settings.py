"""The config of this package: one nested config per stage, defined in the stage's file."""

from __future__ import annotations

import functools
import hashlib

from pydantic import Field

from ingest import __version__
from ingest.conventions.config import Config, config_hash
from ingest.execution.isolation import IsolatedRunConfig
from ingest.execution.tasks import ActorPoolConfig
from ingest.sources.discover import DiscoverConfig
from ingest.sources.file_systems import RemoteConfig
from ingest.video.canvas.canvas import CanvasConfig
from ingest.video.decoding.decode import DecodeConfig
from ingest.video.keyframes.paint_accumulation import AccumulationConfig
from ingest.video.keyframes.painting_span import SpanConfig
from ingest.video.keyframes.reveal_detection import RevealConfig
from ingest.video.keyframes.selection import KeyframeConfig
from ingest.video.occlusion.canvas_history import OcclusionConfig
from ingest.video.registration.tracking import AlignConfig
from ingest.video.segmentation.segmenter import SegmenterConfig
from ingest.video.versions import STAGE_VERSIONS


class IngestConfig(Config):
    """All settings of `python -m ingest`."""

    discover: DiscoverConfig = DiscoverConfig()
    """Listing the sources of the inputs."""
    remote: RemoteConfig = RemoteConfig()
    """Reading from S3, Google Cloud Storage and http."""
    decode: DecodeConfig = DecodeConfig()
    """Choosing and decoding frames."""
    align: AlignConfig = AlignConfig()
    """Tracking the camera view from frame to frame."""
    canvas: CanvasConfig = CanvasConfig()
    """Detecting the canvas."""
    occlusion: OcclusionConfig = OcclusionConfig()
    """Removing hands, tools and shadows."""
    span: SpanConfig = SpanConfig()
    """Finding the part of the video in which the painting is made."""
    accumulation: AccumulationConfig = AccumulationConfig()
    """Refusing what changes without being painted: cards, slides, talking heads."""
    reveal: RevealConfig = RevealConfig()
    """Refusing pictures that are revealed by a mask instead of painted."""
    keyframes: KeyframeConfig = KeyframeConfig()
    """Choosing and storing keyframes."""
    segmenter: SegmenterConfig = SegmenterConfig()
    """Optional pretrained networks that segment canvas and hands."""
    actors: ActorPoolConfig = ActorPoolConfig(num_actors=1, num_gpus=0.0, num_cpus=0.0)
    """Where the segmenter's networks run; the results do not depend on it."""
    run: IsolatedRunConfig = IsolatedRunConfig()
    """How the work is distributed on Ray; the results do not depend on it."""
    max_failed_share: float = Field(default=0.0, ge=0, le=1)
    """Share of videos that may fail by an unforeseen error before the exit code is 1."""


def unused_keys(config: IngestConfig) -> dict[str, str]:
    """Keys of ``--set`` that do nothing with a config, and why."""
    if config.segmenter.model:
        return {}
    why = "no network segments; add --set ingest.segmenter.model=NAME"
    others = [name for name in SegmenterConfig.model_fields if name != "model"]
    keys = [*(f"ingest.segmenter.{name}" for name in others), "ingest.actors"]
    return dict.fromkeys(keys, why)


@functools.lru_cache(maxsize=8)
def identity(config: IngestConfig) -> str:
    """Twelve hex digits, a hash of everything that results depend on: the configs and algorithm
    versions of the stages, and the version of the package."""
    stages = config_hash(
        config.decode,
        config.align,
        config.canvas,
        config.occlusion,
        config.span,
        config.accumulation,
        config.reveal,
        config.keyframes,
        config.segmenter,
    )
    return hashlib.sha256(f"{__version__} {STAGE_VERSIONS} {stages}".encode()).hexdigest()[:12]
