"""The config of this package: one nested config a stage, each defined in its stage's file."""

from __future__ import annotations

import functools
import hashlib

from pydantic import Field

from ingest import __version__
from ingest.conventions.config import Config, config_hash
from ingest.execution.isolation import IsolatedRunConfig
from ingest.sources.discover import DiscoverConfig
from ingest.sources.stores import RemoteConfig
from ingest.video.canvas.canvas import CanvasConfig
from ingest.video.decoding.decode import DecodeConfig
from ingest.video.keyframes.accumulation import AccumulationConfig
from ingest.video.keyframes.keyframes import KeyframeConfig
from ingest.video.keyframes.reveal import RevealConfig
from ingest.video.keyframes.span import SpanConfig
from ingest.video.occlusion.occlusion import OcclusionConfig
from ingest.video.registration.tracking import AlignConfig
from ingest.video.segmentation.segmenter import ActorsConfig, SegmenterConfig


class IngestConfig(Config):
    """Everything that `python -m ingest` can be told."""

    discover: DiscoverConfig = DiscoverConfig()
    """Inputs to rows."""
    remote: RemoteConfig = RemoteConfig()
    """Reading from S3, Google Cloud Storage and http."""
    decode: DecodeConfig = DecodeConfig()
    """Which frames are looked at."""
    align: AlignConfig = AlignConfig()
    """Following the view."""
    canvas: CanvasConfig = CanvasConfig()
    """Finding the canvas."""
    occlusion: OcclusionConfig = OcclusionConfig()
    """Removing hands, tools and shadows."""
    span: SpanConfig = SpanConfig()
    """Finding the painting in the video."""
    accumulation: AccumulationConfig = AccumulationConfig()
    """Refusing what changes without being painted: cards, slides, talking heads."""
    reveal: RevealConfig = RevealConfig()
    """Refusing pictures that are uncovered instead of painted."""
    keyframes: KeyframeConfig = KeyframeConfig()
    """Choosing and storing keyframes."""
    segmenter: SegmenterConfig = SegmenterConfig()
    """Pretrained networks for canvas and hands, beside the stages that need no weights."""
    actors: ActorsConfig = ActorsConfig()
    """Where the segmenter's networks run; decides no byte of the result."""
    run: IsolatedRunConfig = IsolatedRunConfig()
    """How the work is laid out on Ray; decides no byte of the result."""
    max_failed_share: float = Field(default=0.0, ge=0, le=1)
    """Share of videos that may fail by an unforeseen error before the exit code is 1."""


@functools.lru_cache(maxsize=8)
def identity(config: IngestConfig) -> str:
    """Twelve hex digits of all that decides the bytes of the result: stage configs and version."""
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
    return hashlib.sha256(f"{__version__} {stages}".encode()).hexdigest()[:12]
