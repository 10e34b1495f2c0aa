"""Runs the segmenter's networks in Ray actors that the workers of all videos share."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.execution.ray_actors import ActorPool, actor_pool
from ingest.execution.tasks import ActorPoolConfig
from ingest.video.segmentation.grounded_segmenter import GroundedSegmenter
from ingest.video.segmentation.segmenter import Question, Segmenter, SegmenterConfig, batches


@dataclass
class ActorSegmenter:
    """A `Segmenter` that sends batches to the actors of a pool; it can be pickled."""

    pool: ActorPool
    batch_size: int

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        return self._ask("canvas", images)

    def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._ask("occluders", images)

    def _ask(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        requests = [(question, list(part)) for part in batches(images, self.batch_size)]
        return [item for answer in self.pool.ask(requests) for item in answer]


@contextlib.contextmanager
def segmenter_actors(
    config: SegmenterConfig, layout: ActorPoolConfig, address: str | None = None
) -> Iterator[Segmenter | None]:
    """Context with the segmenter of a run, whose actors end with it; None without a `model`.

    Raises:
        UserError: the networks cannot be loaded, or the cluster lacks resources for the actors.
    """
    if not config.model:
        yield None
        return
    make = functools.partial(_answerer, config)
    with actor_pool(make, layout, "the segmenter", address) as pool:
        yield ActorSegmenter(pool, config.batch_size)


def _answerer(config: SegmenterConfig) -> Callable[[tuple[Question, list[np.ndarray]]], list[Any]]:
    """The function of an actor: it loads the networks, then answers questions about pictures."""
    segmenter = GroundedSegmenter(config)
    return lambda request: getattr(segmenter, request[0])(request[1])
