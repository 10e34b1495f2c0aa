"""Pictures to finished folders: session, frames, film, GIF, contact sheet and page."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inference.artist.lockstep import Together
from inference.artist.painting_state import Manner
from inference.command.easel import Easel, versions
from inference.command.session_making import make_session
from inference.command.starting import painted, start, without_padding
from inference.inputs.picture import Picture
from inference.output.contact_sheet import write_sheet
from inference.output.export import write_film, write_frames, write_gif
from inference.output.session import (
    PainterRecord,
    SessionFolder,
    SessionRecord,
    read_record,
    write_record,
    write_steps,
)
from inference.output.viewer import write_viewer
from inference.rollout.finish import finishing_step
from inference.rollout.rollout import Rollout
from inference.rollout.steering import SCRIPT, Action
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import config_hash, to_yaml
from ingest.format.images import resize_short_side


@dataclass(frozen=True, eq=False)
class Commission:
    """One picture to be painted into a folder, by an easel that has its seed."""

    easel: Easel
    picture: Picture
    folder: Path


def paint_picture(
    easel: Easel,
    picture: Picture,
    folder: Path,
    on_step: Callable[[Step], None] = lambda _: None,
    actions: Sequence[Action] | None = None,
) -> SessionRecord:
    """Paint a picture and write everything about it; `on_step` hears of each step at once, and
    `actions` are followed instead of the config's script.

    The record is taken away first and written last, so a folder with a record is whole.
    """
    given, rollout = _begun(Commission(easel, picture, folder))
    for step in painted(rollout, easel.config) if actions is None else rollout.replay(actions):
        on_step(step)
    return _written(given, rollout, on_step)


def paint_pictures(
    commissions: Sequence[Commission], on_step: Callable[[int, Step], None] = lambda *_: None
) -> list[SessionRecord]:
    """Paint several in one batch, each written as soon as it is finished; `on_step` also hears
    whose step it is. Scripts and the release's quirks need `paint_picture`."""
    begun = [_begun(commission) for commission in commissions]
    records: dict[int, SessionRecord] = {}
    for steps in Together([rollout for _, rollout in begun]):
        for n, step in enumerate(steps):
            if step is None:
                continue
            on_step(n, step)
            given, rollout = begun[n]
            if rollout.is_finished:
                records[n] = _written(given, rollout, functools.partial(on_step, n))
    return [records[n] for n in range(len(begun))]


def _begun(commission: Commission) -> tuple[Commission, Rollout]:
    """The commission at canvas size and its rollout, in a folder that holds no record."""
    easel, folder = commission.easel, commission.folder
    SessionFolder(folder).session_json.unlink(missing_ok=True)
    remove_stale_temporaries(folder)
    write_bytes(folder / "config.yaml", to_yaml(easel.config, "inference").encode())
    picture = at_canvas_size(commission.picture, easel)
    return dataclasses.replace(commission, picture=picture), start(easel, picture)


def _written(
    commission: Commission, rollout: Rollout, on_step: Callable[[Step], None]
) -> SessionRecord:
    """Everything about a finished rollout on disk, the record last."""
    easel, picture, folder = commission.easel, commission.picture, commission.folder
    place, config, steps = SessionFolder(folder), easel.config, rollout.steps
    if config.quirks == "official":
        side_px = easel.painter.preset.image_side_px
        steps = [without_padding(step, picture.image, side_px) for step in steps]
        height, width = steps[0].next.shape[:2]
        image = cv2.resize(picture.image, (width, height), interpolation=cv2.INTER_LINEAR)
        picture = dataclasses.replace(picture, image=image)
    count = len(steps)
    steps = with_finish(steps, picture.image, config)
    if len(steps) > count:
        on_step(steps[-1])
    session, encoded = make_session(steps, picture, easel.record, config, versions())
    write_bytes(place.root / "steering.json", SCRIPT.dump_json(rollout.actions, indent=1))
    record = session.record.model_copy(update={"steps_sha256": write_steps(place, encoded)})
    write_frames(folder / "frames", encoded)
    write_film(folder / "painting.mp4", session.samples, config.export)
    write_gif(folder / "painting.gif", session.samples, config.export)
    write_sheet(folder / "sheet.png", session.samples)
    write_viewer(folder / "index.html", session, config.viewer)
    write_record(place, record)
    return record


def with_finish(steps: list[Step], target: np.ndarray, config: InferenceConfig) -> list[Step]:
    """The painter's steps, and the finishing step if the config wants one."""
    finish = finishing_step(steps[-1], target, config.finish)
    return steps if finish is None else [*steps, finish]


def finished_before(
    folder: Path, picture: Picture, painter: PainterRecord, config: InferenceConfig
) -> SessionRecord | None:
    """The record of `folder` if it holds this very painting: same picture, painter, settings."""
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


def at_canvas_size(picture: Picture, easel: Easel) -> Picture:
    """Without carried detail a canvas can only have the networks' size."""
    preset = easel.painter.preset
    is_official = easel.config.quirks == "official"
    if is_official or Manner.of(easel.config.detail, preset).carries_detail:
        return picture
    image = resize_short_side(picture.image, preset.image_side_px)
    return dataclasses.replace(picture, image=image)
