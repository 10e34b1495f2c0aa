"""``python -m inference evaluate``: paints every held-out painting with every artist and measures.

Paintings are independent tasks on Ray. What is measured is stored at once, so a run that was
stopped goes on, and a painting that fails takes no other with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from inference.evaluation import choices
from inference.evaluation.artists import ArtistSpec, fingerprint, painted_process
from inference.evaluation.frechet import frame_features
from inference.evaluation.measured import (
    REAL,
    MeasuredFiles,
    measured_record,
    measured_values,
)
from inference.evaluation.perceptual_curves import compare
from inference.evaluation.process import Process
from inference.evaluation.process_files import ProcessSource
from inference.evaluation.video_distance import clip_features
from inference.settings import InferenceConfig
from ingest.conventions.config import config_hash
from ingest.conventions.errors import UserError, storage_error
from ingest.execution.ray_tasks import run_tasks
from ingest.execution.tasks import RunConfig, TaskFailure
from ingest.format.images import sha256
from labeling.regions.perceptual import PerceptualDistance

MEASURES_VERSION = 2
"""Raised when the same processes get other values."""


@dataclass(frozen=True)
class PaintingTask:
    """One painting for all artists."""

    source: ProcessSource
    artists: tuple[ArtistSpec, ...]
    fingerprints: tuple[str, ...]
    config: InferenceConfig
    out: Path


@dataclass(frozen=True)
class PaintingResult:
    """What became of a painting."""

    name: str
    measured: tuple[str, ...] = ()
    """Artists that were measured now."""
    kept: tuple[str, ...] = ()
    """Artists that were measured before."""
    failures: dict[str, str] = field(default_factory=dict)
    """Reason by artist."""


def evaluate(
    sources: Sequence[ProcessSource],
    artists: Sequence[ArtistSpec],
    config: InferenceConfig,
    out: Path,
    address: str | None = None,
) -> Iterator[PaintingResult]:
    """Measure all paintings; results as they finish, in no fixed order.

    Args:
        address: of a Ray cluster; None for RAY_ADDRESS, or a private Ray on this machine.

    Raises:
        UserError: an artist does not exist.
    """
    prints = tuple(fingerprint(spec, config) for spec in artists)
    tasks = [PaintingTask(source, tuple(artists), prints, config, out) for source in sources]
    for finished in run_tasks(measure_painting, tasks, RunConfig(), address):
        if isinstance(finished.result, TaskFailure):
            reason = finished.result.detail
            yield PaintingResult(finished.item.source.name, failures={REAL: reason})
        else:
            yield finished.result


def measure_painting(task: PaintingTask) -> PaintingResult:
    """Measure one painting with all artists; an artist that fails takes no other with it."""
    try:
        real = task.source.read()
    except UserError as error:
        return PaintingResult(task.source.name, failures={REAL: str(error)})
    measured, kept, failures = [], [], {}
    for spec, print in zip(task.artists, task.fingerprints, strict=True):
        identity = _identity(real, print, task.config)
        if MeasuredFiles(task.out, real.name, spec.name).read(identity) is not None:
            kept.append(spec.name)
            continue
        try:
            _measure(spec, real, identity, task)
            measured.append(spec.name)
        except Exception as error:
            if isinstance(error, OSError) and storage_error(error, task.out) is not None:
                raise
            failures[spec.name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return PaintingResult(real.name, tuple(measured), tuple(kept), failures)


def _measure(spec: ArtistSpec, real: Process, identity: str, task: PaintingTask) -> None:
    target = real.frames[-1]
    painted = painted_process(spec, real.name, target, task.config)
    comparison = compare(real, painted, target, _perceptual(task.config.device))
    values = measured_values(comparison, painted, target)
    record = measured_record(spec.name, identity, painted, comparison.painted, values)
    files = MeasuredFiles(task.out, real.name, spec.name)
    files.write(record, frame_features(painted.frames), clip_features(painted), painted)
    own = MeasuredFiles(task.out, real.name, REAL)
    own_identity = _identity(real, "", None)
    if own.read(own_identity) is None:
        record = measured_record(REAL, own_identity, real, comparison.real, {})
        own.write(record, frame_features(real.frames), clip_features(real), real)


def _identity(real: Process, print: str, config: InferenceConfig | None) -> str:
    """Hash of all that the values of an artist depend on."""
    sizes = {name: value for name, value in vars(choices).items() if name.isupper()}
    parts: list[Any] = [MEASURES_VERSION, sizes, real.times_s, print]
    parts += [sha256(frame.tobytes()) for frame in real.frames]
    parts.append(config and config_hash(config))
    return sha256(repr(parts).encode())[:16]


@lru_cache(maxsize=1)
def _perceptual(device: str) -> PerceptualDistance:
    return PerceptualDistance("cpu" if device == "auto" else device)


def tell(result: PaintingResult) -> None:
    """Print what became of a painting, in one line an artist that failed."""
    done = [*result.measured, *(f"{name} (before)" for name in result.kept)]
    print(f"{result.name}: {', '.join(done) or 'nothing measured'}", flush=True)
    for artist, reason in result.failures.items():
        print(f"warning: {result.name}, {artist}: {reason}", file=sys.stderr, flush=True)
