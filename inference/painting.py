"""One picture to a finished folder: session, frames, film, GIF, contact sheet and page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from inference.artist import Manner, PainterArtist
from inference.easel import Easel, versions
from inference.export import write_film, write_frames, write_gif
from inference.finish import finishing_step
from inference.measure import Measure
from inference.picture import Picture
from inference.region import RegionConfig
from inference.rollout import paint
from inference.session import (
    PainterRecord,
    SessionFolder,
    SessionRecord,
    read_record,
    write_record,
    write_steps,
)
from inference.session_making import make_session
from inference.settings import InferenceConfig
from inference.sheet import write_sheet
from inference.steps import Step
from inference.viewer import write_viewer
from ingest.atomic import remove_stale_temporaries, write_bytes
from ingest.config import config_hash, to_yaml
from ingest.images import resize_short_side
from training.painter import Painter

POCKET_LARGEST_AREA = 0.4
"""Share of the canvas that a pocket painter paints in one step at most."""


def paint_picture(
    easel: Easel, picture: Picture, folder: Path, on_step: Callable[[Step], None] = lambda _: None
) -> SessionRecord:
    """Paint a picture and write everything about it; `on_step` hears of each step at once.

    The record is taken away first and written last, so a folder with a record is whole.
    """
    place, config = SessionFolder(folder), easel.config
    place.session_json.unlink(missing_ok=True)
    remove_stale_temporaries(folder)
    write_bytes(folder / "config.yaml", to_yaml(config, "inference").encode())
    picture = _at_canvas_size(picture, easel)
    steps = []
    for step in steps_of(easel, picture):
        steps.append(step)
        on_step(step)
    session, encoded = make_session(steps, picture, easel.record, config, versions())
    record = session.record.model_copy(update={"steps_sha256": write_steps(place, encoded)})
    write_frames(folder / "frames", encoded)
    write_film(folder / "painting.mp4", session.samples, config.export)
    write_gif(folder / "painting.gif", session.samples, config.export)
    write_sheet(folder / "sheet.png", session.samples)
    write_viewer(folder / "index.html", session, config.viewer)
    write_record(place, record)
    return record


def steps_of(easel: Easel, picture: Picture) -> Iterator[Step]:
    """The painter's steps, and the finishing step if the config wants one."""
    config, painter = easel.config, easel.painter
    artist = PainterArtist(
        painter, picture.image, config.sampling, config.detail, config.rollout.seed
    )
    judge = Measure(easel.perceptual, painter.preset.image_side_px)
    interval_s = config.rollout.interval_s or painter.settings.interval_s
    region = _region_rule(config, painter)
    step = None
    for step in paint(picture.image, artist, judge, interval_s, region, config.stop):
        yield step
    assert step is not None
    finish = finishing_step(step, picture.image, config.finish)
    if finish is not None:
        yield finish


def _region_rule(config: InferenceConfig, painter: Painter) -> RegionConfig:
    """The config's rule with the painter's own choices where the config leaves them open."""
    is_pocket = painter.preset.name == "pocket"
    own = {
        "thresholds": painter.settings.mask_thresholds,
        "largest_area": POCKET_LARGEST_AREA if is_pocket else 1.0,
        "only_unfinished": is_pocket,
    }
    asked = config.region.model_dump(exclude_none=True)
    return RegionConfig.model_validate({**own, **asked})


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


def _at_canvas_size(picture: Picture, easel: Easel) -> Picture:
    """Without carried detail a canvas can only have the networks' size."""
    preset = easel.painter.preset
    if Manner.of(easel.config.detail, preset).carries_detail:
        return picture
    image = resize_short_side(picture.image, preset.image_side_px)
    return dataclasses.replace(picture, image=image)
