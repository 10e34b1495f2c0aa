"""A segmenter for the process of one video, which knows no Ray: it asks the worker that watches it.

The worker (`ingest.execution.isolation`) passes each question on to the actors and sends the answer
back.
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
    """A `Segmenter` that asks the watching process; raises RuntimeError with what it says."""

    batch_size: int

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        return self._ask("canvas", images)

    def cover(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._ask("cover", images)

    def _ask(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        # Batch by batch: a message then has megabytes, not the whole video.
        return [
            answer
            for part in batches(images, self.batch_size)
            for answer in zygote.ask((question, list(part)))
        ]


def open_segmenter(config: SegmenterConfig) -> Segmenter | None:
    """The segmenter of this process; None if the config asks for none.

    Where nobody watches (calls from Python), the networks are loaded here, once.

    Raises:
        UserError: they cannot be loaded.
    """
    if not config.model:
        return None
    if zygote.is_watched():
        return RelayedSegmenter(config.batch_size)
    return _loaded(config.model_dump_json())


@functools.lru_cache(maxsize=1)
def _loaded(config_json: str) -> Segmenter:
    from ingest.video.segmentation.grounded_segmenter import GroundedSegmenter

    return GroundedSegmenter(SegmenterConfig.model_validate_json(config_json))
