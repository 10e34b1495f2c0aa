"""A painting in the making, and what becomes of it: its steps, canvases, session and outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from inference.command.outputs import FRAMES, OUTPUTS, Showable, check_places, write_outputs
from inference.command.painting_context import PaintingContext, versions
from inference.command.session_making import make_session
from inference.inputs.picture import Picture
from inference.official.resizing import scaled_size
from inference.output.contact_sheet import write_contact_sheet
from inference.output.export import write_gif
from inference.output.own_files import remove_painted_frames
from inference.output.recovery import kept_canvases
from inference.output.session import SessionFolder, SessionRecord, write_record, write_steps
from inference.output.stroke_record import strokes_json
from inference.output.viewer import write_viewer
from inference.rollout.finish import FinishingRollout
from inference.rollout.region import RegionConfig
from inference.rollout.steering import SCRIPT
from inference.rollout.steps import Artist, CanvasMetric, Step
from inference.rollout.stop import StopConfig
from ingest.conventions.atomic import write_bytes
from ingest.conventions.errors import UserError


class Painting(FinishingRollout):
    """Iterate over it for its steps, each as soon as it is painted; then save it.

    Args:
        picture: at canvas size.
        target: what the artist sees of it; with the release's quirks it is padded.
    """

    def __init__(
        self,
        picture: Picture,
        context: PaintingContext,
        target: np.ndarray,
        artist: Artist,
        metric: CanvasMetric,
        interval_s: float,
        region: RegionConfig,
        stop: StopConfig,
        canvas: np.ndarray | None = None,
    ) -> None:
        super().__init__(target, artist, metric, interval_s, region, stop, canvas)
        self.context, self.finish = context, context.config.finish
        self._picture = picture
        self._shown: tuple[list[Step], Showable] | None = None

    @property
    def picture(self) -> Picture:
        """The picture at the size of the canvases."""
        if self.context.config.quirks != "official":
            return self._picture
        image = self._picture.image
        height, width = self._unpadded_size
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        return dataclasses.replace(self._picture, image=image)

    @property
    def painted_steps(self) -> list[Step]:
        """The steps so far, without the padding of the release's quirks."""
        if self.context.config.quirks != "official":
            return self.steps
        return [_cropped(step, self._unpadded_size) for step in self.steps]

    @property
    def canvases(self) -> list[np.ndarray]:
        """The first canvas and the canvas after every step so far, RGB uint8 (H, W, 3)."""
        steps = self.painted_steps
        return [steps[0].current, *(step.next for step in steps)] if steps else [self.canvas]

    @property
    def images(self) -> list[Image.Image]:
        """The canvases as PIL images."""
        return [Image.fromarray(canvas) for canvas in self.canvases]

    def paint_to_end(self) -> Painting:
        """Paint all steps that are left; returns this painting."""
        for _ in self:
            pass
        return self

    def showable(self) -> Showable:
        """The session of the finished painting, and what its outputs are made of.

        Raises:
            UserError: it is not finished.
        """
        self._check_finished()
        if self._shown is None or self._shown[0] != self.steps:
            self._shown = ([*self.steps], self._showable())
        return self._shown[1]

    def save(self, folder: str | Path) -> SessionRecord:
        """Write all that `python -m inference paint` writes of a picture: session, frames, film,
        GIF, contact sheet, page and strokes.

        Returns:
            The record of the session.

        Raises:
            UserError: not finished, or an output could not be written; the others are then there.
        """
        folder = Path(folder)
        check_places(folder)
        self._check_finished()
        remove_painted_frames(folder / FRAMES, SessionFolder(folder).steps_tar)
        record = self._save_session(folder, OUTPUTS)
        failed = write_outputs(folder, self.showable(), self.context.config)
        record = record.model_copy(update={"unwritten": tuple(failed)})
        write_record(SessionFolder(folder), record)
        if failed:
            raise UserError(
                f"{folder}: painted, but not all could be written ({'; '.join(failed.values())}): "
                f"`python -m inference export {folder} -o FOLDER` makes it from the session"
            )
        return record

    def save_session(self, folder: str | Path) -> SessionRecord:
        """Write ``session/`` into a folder: every step as a sample, the record, and the steering.

        Raises:
            UserError: not finished, or it could not be written; the canvases are then kept
                elsewhere.
        """
        return self._save_session(Path(folder), ())

    def save_film(self, path: str | Path) -> None:
        """Write the film as mp4 (`inference.film`, `inference.export`)."""
        self.showable().write_film(Path(path), self.context.config)

    def save_gif(self, path: str | Path) -> None:
        """Write the GIF."""
        config = self.context.config
        write_gif(Path(path), self.showable().session.samples, config.export, config.film.seconds)

    def save_contact_sheet(self, path: str | Path) -> None:
        """Write the contact sheet as PNG."""
        has_captions = self.context.config.export.captions != "off"
        write_contact_sheet(Path(path), self.showable().session.samples, has_captions)

    def save_page(self, path: str | Path) -> None:
        """Write the page that plays the canvases, one HTML file without others. The page of `save`
        plays the film beside it."""
        write_viewer(Path(path), self.showable().session, self.context.config.viewer)

    @property
    def _unpadded_size(self) -> tuple[int, int]:
        height, width = self._picture.image.shape[:2]
        return scaled_size(height, width, self.context.painter.preset.image_side_px)

    def _save_session(self, folder: Path, unwritten: Sequence[str]) -> SessionRecord:
        self._check_finished()
        place = SessionFolder(folder)
        with kept_canvases(folder, self.canvases):
            shown = self.showable()
            write_bytes(place.root / "steering.json", SCRIPT.dump_json(self.actions, indent=1))
            digest = write_steps(place, list(shown.encoded))
            record = shown.session.record.model_copy(
                update={"steps_sha256": digest, "unwritten": tuple(unwritten)}
            )
            write_record(place, record)
        return record

    def _check_finished(self) -> None:
        if not self.is_finished:
            raise UserError(
                f"{len(self.steps)} steps are painted and the painting is not finished: paint the "
                "others first (`paint_to_end()`, or take all steps)"
            )

    def _showable(self) -> Showable:
        steps, context = self.painted_steps, self.context
        session, encoded = make_session(
            steps, self.picture, context.record, context.config, versions()
        )
        strokes = None
        if any(step.strokes for step in steps):
            passes = [step.strokes for step in steps]
            strokes = strokes_json(passes, session.record.canvas_size_px)
        return Showable(session, encoded, strokes)


def _cropped(step: Step, size: tuple[int, int]) -> Step:
    """A step without what lies right of and below (height, width)."""
    inner = (slice(size[0]), slice(size[1]))
    region = dataclasses.replace(step.region, mask=step.region.mask[inner])
    return dataclasses.replace(
        step, current=step.current[inner], next=step.next[inner], region=region,
        difference=step.difference[inner],
    )  # fmt: skip
