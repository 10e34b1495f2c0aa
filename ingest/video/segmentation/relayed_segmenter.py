"""Provides the segmenter in the isolated process of one video: its worker relays every request.

That process has no Ray. The worker that watches it (`ingest.execution.isolation`) passes requests
on to the actors and sends the answers back.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.execution import zygote
from ingest.video.segmentation.segmenter import Question, Segmenter, SegmenterConfig, batches


@dataclass(frozen=True)
class RelayedSegmenter:
    """A `Segmenter` that asks the watching process. Raises RuntimeError with its error message."""

    batch_size: int

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        return self._ask("canvas", images)

    def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._ask("occluders", images)

    def _ask(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        # A message holds one batch, a few megabytes, and not the whole video.
        return [
            answer
            for part in batches(images, self.batch_size)
            for answer in zygote.ask((question, list(part)))
        ]


def open_segmenter(config: SegmenterConfig) -> Segmenter | None:
    """The segmenter of this process; None if the config has no `model`.

    In a process that no worker watches (calls from Python) the networks are loaded here, once.

    Raises:
        UserError: the networks cannot be loaded.
    """
    if not config.model:
        return None
    if zygote.is_watched():
        return RelayedSegmenter(config.batch_size)
    return _loaded(config.model_dump_json())


@functools.lru_cache(maxsize=1)
def _loaded(config_json: str) -> Segmenter:
    """The networks of a config, given as JSON because a cache key must be hashable."""
    from ingest.video.segmentation.grounded_segmenter import GroundedSegmenter

    return GroundedSegmenter(SegmenterConfig.model_validate_json(config_json))
