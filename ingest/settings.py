"""The config of this package: one nested config a stage, each defined in its stage's file."""

from __future__ import annotations

import functools
import hashlib

from pydantic import Field

from ingest import __version__
from ingest.accumulation import AccumulationConfig
from ingest.align import AlignConfig
from ingest.canvas import CanvasConfig
from ingest.config import Config, config_hash
from ingest.decode import DecodeConfig
from ingest.discover import DiscoverConfig
from ingest.isolation import IsolatedRunConfig
from ingest.keyframes import KeyframeConfig
from ingest.occlusion import OcclusionConfig
from ingest.reveal import RevealConfig
from ingest.segmenter import ActorsConfig, SegmenterConfig
from ingest.span import SpanConfig
from ingest.stores import RemoteConfig


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
