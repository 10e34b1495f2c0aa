"""Paints pictures and writes their folders: session, frames, film, GIF, contact sheet and page."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from inference.artist.batched_rollouts import BatchedRollouts
from inference.artist.painting_state import DetailSettings
from inference.command.painting_context import STROKES_PRESET, PaintingContext, versions
from inference.command.rollout_setup import paint_with_script, start_rollout, without_padding
from inference.command.session_making import make_session
from inference.inputs.picture import Picture
from inference.output.contact_sheet import write_contact_sheet
from inference.output.export import write_film, write_frames, write_gif
from inference.output.session import (
    PainterRecord,
    Session,
    SessionFolder,
    SessionRecord,
    read_record,
    write_record,
    write_steps,
)
from inference.output.stroke_film import step_ends, write_stroke_film, write_strokes
from inference.output.viewer import write_viewer
from inference.rollout.finish import finishing_step
from inference.rollout.rollout import Rollout
from inference.rollout.steering import SCRIPT, Action
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import config_hash, to_yaml
from ingest.conventions.errors import UserError, storage_error
from ingest.format.images import resize_short_side
from ingest.format.tar import Fields


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

    The record is deleted first and written last, so a folder with a record is complete.

    Args:
        on_step: called with each step as soon as it is painted.
        actions: steering actions instead of the config's script.
    """
    given, rollout = _started_task(PaintingTask(context, picture, folder))
    for step in (
        paint_with_script(rollout, context.config) if actions is None else rollout.replay(actions)
    ):
        on_step(step)
    return _write_outputs(given, rollout, on_step)


def paint_pictures(
    tasks: Sequence[PaintingTask], on_step: Callable[[int, Step], None] = lambda *_: None
) -> list[SessionRecord]:
    """Paint several pictures in one batch and write each as soon as it is finished; `on_step` gets
    the task's index too. Scripts and the release's quirks need `paint_picture`."""
    begun = [_started_task(task) for task in tasks]
    records: dict[int, SessionRecord] = {}
    for steps in BatchedRollouts([rollout for _, rollout in begun]):
        for n, step in enumerate(steps):
            if step is None:
                continue
            on_step(n, step)
            given, rollout = begun[n]
            if rollout.is_finished:
                records[n] = _write_outputs(given, rollout, functools.partial(on_step, n))
    return [records[n] for n in range(len(begun))]


def _started_task(task: PaintingTask) -> tuple[PaintingTask, Rollout]:
    """The task with its picture at canvas size, and its rollout; deletes the folder's record."""
    context, folder = task.context, task.folder
    SessionFolder(folder).session_json.unlink(missing_ok=True)
    remove_stale_temporaries(folder)
    write_bytes(folder / "config.yaml", to_yaml(context.config, "inference").encode())
    picture = resized_to_canvas(task.picture, context)
    return dataclasses.replace(task, picture=picture), start_rollout(context, picture)


def _write_outputs(
    task: PaintingTask, rollout: Rollout, on_step: Callable[[Step], None]
) -> SessionRecord:
    """Write the outputs of a finished rollout, the record last."""
    context, picture, folder = task.context, task.picture, task.folder
    place, config, steps = SessionFolder(folder), context.config, rollout.steps
    if config.quirks == "official":
        side_px = context.painter.preset.image_side_px
        steps = [without_padding(step, picture.image, side_px) for step in steps]
        height, width = steps[0].next.shape[:2]
        image = cv2.resize(picture.image, (width, height), interpolation=cv2.INTER_LINEAR)
        picture = dataclasses.replace(picture, image=image)
    count = len(steps)
    steps = with_finish(steps, picture.image, config, rollout)
    if len(steps) > count:
        on_step(steps[-1])
    session, encoded = make_session(steps, picture, context.record, config, versions())
    write_bytes(place.root / "steering.json", SCRIPT.dump_json(rollout.actions, indent=1))
    record = session.record.model_copy(update={"steps_sha256": write_steps(place, encoded)})
    failed = _write_pictures(folder, steps, session, encoded, config)
    if failed:
        raise UserError(
            f"{folder}: painted, but not all could be written ({'; '.join(failed)}); every canvas "
            "is in session/steps.tar"
        )
    write_record(place, record)
    return record


def _write_pictures(
    folder: Path,
    steps: Sequence[Step],
    session: Session,
    encoded: Sequence[tuple[str, Fields]],
    config: InferenceConfig,
) -> list[str]:
    """Write frames, film, GIF, sheet and page; returns what failed, in words. One that fails does
    not take the others with it, but a disk that cannot be written ends all."""
    failed: list[str] = []
    film_ends_s: list[float] | None = None
    writers: dict[str, Callable[[], object]] = {
        "frames": lambda: write_frames(folder / "frames", encoded),
        "painting.mp4": lambda: _write_film(folder, steps, session, config),
        "painting.gif": lambda: write_gif(folder / "painting.gif", session.samples, config.export),
        "sheet.png": lambda: write_contact_sheet(folder / "sheet.png", session.samples),
        "index.html": lambda: write_viewer(
            folder / "index.html", session, config.viewer, film_ends_s
        ),
    }
    for name, write in writers.items():
        try:
            written = write()
        except Exception as error:
            if isinstance(error, OSError) and storage_error(error, folder) is not None:
                raise
            failed.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            continue
        if name == "painting.mp4":
            film_ends_s = cast("list[float] | None", written)
    return failed


def _write_film(
    folder: Path, steps: Sequence[Step], session: Session, config: InferenceConfig
) -> list[float] | None:
    """Write ``painting.mp4`` and, for a painting in strokes, ``strokes.json``; returns the seconds
    at which each step ends in a film of strokes, else None."""
    has_strokes = any(step.strokes for step in steps)
    if has_strokes:
        write_strokes(folder / "strokes.json", steps)
    if not has_strokes or config.film.film == "steps":
        write_film(folder / "painting.mp4", session.samples, config.export)
        return None
    hold_s, quality = config.export.final_hold_s, config.export.film_quality
    write_stroke_film(folder / "painting.mp4", steps, config.film, hold_s, quality)
    return [round(end / config.film.fps, 4) for end in step_ends(steps, config.film, hold_s)]


def with_finish(
    steps: list[Step], target: np.ndarray, config: InferenceConfig, rollout: Rollout
) -> list[Step]:
    """The painter's steps, followed by the finishing step if the config enables it. Pixels that are
    locked at the end stay as they are."""
    finish = finishing_step(steps[-1], target, config.finish, rollout.locked)
    if finish is None:
        return steps
    if rollout.locked is not None:
        distance = rollout.metric.distance(finish.next, target)
        finish = dataclasses.replace(finish, distance=distance)
    return [*steps, finish]


def finished_before(
    folder: Path, picture: Picture, painter: PainterRecord, config: InferenceConfig
) -> SessionRecord | None:
    """The record of `folder` if it holds the same painting: equal picture, painter, settings and
    library versions. Else None."""
    record = read_record(SessionFolder(folder))
    if record is None:
        return None
    found = (
        record.picture_sha256, record.picture_uri, record.painter.fingerprint, record.config_hash,
        record.versions,
    )  # fmt: skip
    wanted = (
        picture.sha256, str(picture.path), painter.fingerprint, config_hash(config), versions(),
    )  # fmt: skip
    return record if found == wanted else None


def resized_to_canvas(picture: Picture, context: PaintingContext) -> Picture:
    """The picture at network size if no detail is carried over; else unchanged."""
    preset = context.painter.preset
    is_official = context.config.quirks == "official"
    if context.record.preset == STROKES_PRESET:
        return picture
    if is_official or DetailSettings.resolved(context.config.detail, preset).carries_detail:
        return picture
    image = resize_short_side(picture.image, preset.image_side_px)
    return dataclasses.replace(picture, image=image)
