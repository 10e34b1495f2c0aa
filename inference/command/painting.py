"""Paints pictures and writes their folders: session, frames, film, GIF, contact sheet and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.artist.batched_rollouts import BatchedRollouts
from inference.command.outputs import check_places
from inference.command.painting_context import PaintingContext, versions
from inference.command.painting_result import Painting
from inference.command.rollout_setup import (
    paint_with_script,
    resized_to_canvas,
    start_rollout,
)
from inference.inputs.picture import Picture
from inference.output.session import PainterRecord, SessionFolder, SessionRecord, read_record
from inference.rollout.steering import Action
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import config_hash, to_yaml


@dataclass(frozen=True, eq=False)
class PaintingTask:
    """A picture to paint into a folder; the context has its seed."""

    context: PaintingContext
    picture: Picture
    folder: Path


def paint_picture(
    context: PaintingContext,
    picture: Picture,
    folder: Path,
    on_step: Callable[[Step], None] = lambda _: None,
    actions: Sequence[Action] | None = None,
) -> SessionRecord:
    """Paint a picture and write its folder.

    The record is deleted first, and names what is not written yet, so a folder with a record that
    names nothing is complete.

    Args:
        on_step: called with each step as soon as it is painted.
        actions: steering actions instead of the config's script.
    """
    painting = _started_task(PaintingTask(context, picture, folder))
    for step in (
        paint_with_script(painting, context.config) if actions is None else painting.replay(actions)
    ):
        on_step(step)
    return painting.save(folder)


def paint_pictures(
    tasks: Sequence[PaintingTask], on_step: Callable[[int, Step], None] = lambda *_: None
) -> list[SessionRecord]:
    """Paint several pictures in one batch and write each as soon as it is finished; `on_step` gets
    the task's index too. Scripts and the release's quirks need `paint_picture`."""
    begun = [_started_task(task) for task in tasks]
    records: dict[int, SessionRecord] = {}
    for steps in BatchedRollouts(begun):
        for n, step in enumerate(steps):
            if step is None:
                continue
            on_step(n, step)
            if begun[n].is_finished:
                records[n] = begun[n].save(tasks[n].folder)
    return [records[n] for n in range(len(begun))]


def finished_before(
    folder: Path, picture: Picture, painter: PainterRecord, config: InferenceConfig
) -> SessionRecord | None:
    """The record of `folder` if it holds the same painting, complete: equal picture, painter,
    settings and library versions. Else None."""
    record = read_record(SessionFolder(folder))
    if record is None or record.unwritten:
        return None
    found = (
        record.picture_sha256, record.picture_uri, record.painter.fingerprint, record.config_hash,
        record.versions,
    )  # fmt: skip
    wanted = (
        picture.sha256, str(picture.path), painter.fingerprint, config_hash(config), versions(),
    )  # fmt: skip
    return record if found == wanted else None


def _started_task(task: PaintingTask) -> Painting:
    """The painting of a task, at canvas size; deletes the folder's record."""
    context, folder = task.context, task.folder
    check_places(folder)
    SessionFolder(folder).session_json.unlink(missing_ok=True)
    remove_stale_temporaries(folder)
    write_bytes(folder / "config.yaml", to_yaml(context.config, "inference").encode())
    return start_rollout(context, resized_to_canvas(task.picture, context))
