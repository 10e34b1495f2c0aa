"""Plans the paintings of a command: pictures times seeds, a folder for each, in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from inference.inputs.picture import find_pictures
from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.conventions.names import printable
from ingest.execution.tasks import ActorPoolConfig

T = TypeVar("T")


class WorkConfig(Config):
    """Batch size and actors. These settings are not stored with a painting: actors change no byte,
    batches only the rounding of sums."""

    batch_size: int = Field(default=1, ge=1, le=256)
    """Paintings of one size in a batch. Larger batches are faster and need more memory."""
    actors: ActorPoolConfig = ActorPoolConfig()
    """Ray actors, each with a painter. They are used if there are several batches, and also several
    GPUs, several actors (num_actors) or a cluster (--ray-address, RAY_ADDRESS)."""


@dataclass(frozen=True)
class Job:
    """One painting to make."""

    picture: Path
    folder: Path
    """Output folder."""
    seed: int = 0


def plan(paths: list[Path], out: Path, seeds: Sequence[int] = (0,)) -> list[Job]:
    """A job for every picture and seed. Folders are named by the stem of the picture, with the
    suffix if several pictures have that stem, and with the seed if there are several."""
    pictures = find_pictures(paths)
    stems = Counter(picture.stem for picture in pictures)
    jobs: list[Job] = []
    taken: set[str] = set()
    for picture in pictures:
        plain = picture.stem if stems[picture.stem] == 1 else picture.name.replace(".", "-")
        plain = printable(plain)
        for seed in seeds:
            stem = plain if len(seeds) == 1 else f"{plain}-seed{seed}"
            name, number = stem, 2
            while name in taken:
                name, number = f"{stem}-{number}", number + 1
            taken.add(name)
            jobs.append(Job(picture, out / name, seed))
    return jobs


def chosen_seeds(seed: int | None, seeds: str | None, variations: int | None) -> list[int]:
    """The seeds that ``--seed``, ``--seeds`` and ``--variations`` ask for; empty for the one of the
    settings.

    Raises:
        UserError: two of them contradict each other.
    """
    if seeds is not None and (seed is not None or variations is not None):
        other = "--seed" if seed is not None else "--variations"
        raise UserError(f"{other} and --seeds were both given: choose one")
    if seeds is not None:
        return parse_seeds(seeds)
    return [] if variations is None else list(range(seed or 0, (seed or 0) + variations))


def parse_seeds(text: str) -> list[int]:
    """The seeds of ``"1,2,3"``.

    Raises:
        UserError: the text is no list of numbers, or a seed occurs twice.
    """
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--seeds {text!r}: expected numbers such as 1,2,3") from None
    if len(set(seeds)) < len(seeds) or min(seeds) < 0 or max(seeds) >= 2**63:
        raise UserError(f"--seeds {text!r}: expected different numbers from 0 to 2^63 - 1")
    return seeds


def in_batches(items: Sequence[T], kinds: Sequence[Hashable], batch_size: int) -> list[list[T]]:
    """Batches of at most `batch_size` items of one kind; kinds in the order of their first item."""
    groups: dict[Hashable, list[T]] = {}
    for item, kind in zip(items, kinds, strict=True):
        groups.setdefault(kind, []).append(item)
    return [
        group[start : start + batch_size]
        for group in groups.values()
        for start in range(0, len(group), batch_size)
    ]
