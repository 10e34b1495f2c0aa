"""Reads processes: of a dataset, of folders of keyframes with times, and of frames, films and
sessions that an artist painted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.evaluation.process import Process
from inference.inputs.picture import SUFFIXES
from inference.output.session import SessionFolder, read_session
from ingest.conventions.errors import Refusal, UserError
from ingest.conventions.names import printable
from ingest.format.dataset import Dataset
from ingest.format.images import decode_image
from ingest.format.picture_files import decode_picture
from ingest.ledger.outcome import VideoOutcome, read_keyframes, read_outcome
from ingest.per_source.folder_to_keyframes import import_folder
from ingest.settings import IngestConfig
from ingest.sources.source_row import FRAMES_FILE, TARGETS_FILE, SourceRow
from ingest.video.decoding.decode import DecodeConfig, Video

TIMES_FILE = "times.csv"
"""List of times beside the pictures of a process."""


@dataclass(frozen=True)
class ProcessSource:
    """A real process that can be read when its turn comes."""

    name: str
    place: Path
    """A folder of keyframes, or a dataset."""
    video_id: str = ""
    """In a dataset."""

    def read(self) -> Process:
        """Its canvases, up to the finished painting. Raises UserError if it cannot be used."""
        return _of_dataset(self) if self.video_id else _of_folder(self)


def find_processes(place: Path) -> list[ProcessSource]:
    """The processes of a place, sorted by name: the `val` split of a dataset; a folder of keyframes
    with times; or all such folders below a place.

    Raises:
        UserError: there is none, or two have one name.
    """
    if (place / "keyframes").is_dir():
        dataset = Dataset(place)
        found = [ProcessSource(v, place, v) for v in dataset.video_ids() if _is_val(dataset, v)]
        if not found:
            raise UserError(
                f"{place} has no kept video in its val split: give the manifest a column split, or "
                "ingest with --set ingest.discover.val_fraction=1"
            )
        return found
    if not place.is_dir():
        raise UserError(f"{place} not found: give a dataset, or a folder of processes")
    lists = (path for name in (TIMES_FILE, TARGETS_FILE) for path in place.rglob(name))
    folders = sorted({path.parent for path in lists if _holds_times(path.parent)})
    found = [ProcessSource(printable(folder.name), folder) for folder in folders]
    names = Counter(source.name for source in found)
    if names and names.most_common(1)[0][1] > 1:
        raise UserError(f"{place}: several folders have the name {names.most_common(1)[0][0]!r}")
    if not found:
        raise UserError(
            f"{place} holds no process: expected a dataset, or folders of pictures with a "
            f"{TIMES_FILE} (file,time_s) or {TARGETS_FILE} each"
        )
    return found


def read_painted(place: Path, name: str, interval_s: float | None) -> Process:
    """What an artist painted of the painting `name`, from ``place/name``: a folder that `paint`
    wrote, a folder of numbered pictures, or a film of that name.

    Args:
        interval_s: painting seconds from one frame to the next, the first at 0; None for sessions
            and for pictures with a list of times.

    Raises:
        UserError: nothing is there, or it cannot be read.
    """
    folder = place / name
    if SessionFolder(folder).session_json.is_file():
        return session_process(folder, name)
    if folder.is_dir() and _holds_times(folder):
        return ProcessSource(name, folder).read()
    frames = list(_pictures(folder)) if folder.is_dir() else list(_film(place, name))
    if interval_s is None:
        raise UserError(
            f"{folder}: its frames have no times: name the artist as NAME={place}@SECONDS"
        )
    times_s = tuple(interval_s * number for number in range(len(frames)))
    return Process(name, tuple(frames), times_s)


def session_process(folder: Path, name: str) -> Process:
    """The canvases of a folder that `paint` wrote."""
    session = read_session(folder)
    frames = (session.samples[0].current, *(sample.next for sample in session.samples))
    return Process(name, frames, (0.0, *(step.time_s for step in session.record.steps)))


def _is_val(dataset: Dataset, video_id: str) -> bool:
    outcome = read_outcome(dataset, video_id)
    return outcome.status == "kept" and outcome.split == "val"


def _holds_times(folder: Path) -> bool:
    if (folder / FRAMES_FILE).is_file():
        return False
    return (folder / TARGETS_FILE).is_file() or (folder / TIMES_FILE).is_file()


def _of_dataset(source: ProcessSource) -> Process:
    dataset = Dataset(source.place)
    outcome = read_outcome(dataset, source.video_id)
    start_s = outcome.span_s[0] if outcome.span_s else 0.0
    stored = read_keyframes(dataset, source.video_id)
    target = stored[-1].keyframe.target
    shot = [item for item in stored if item.keyframe.target == target]
    times_s = np.array([item.keyframe.time_s for item in shot]) - start_s
    # A bare keyframe may be a moment before the painting starts.
    times_s = times_s - min(0.0, float(times_s[0]))
    return Process(source.name, tuple(i.image() for i in shot), tuple(times_s.tolist()))


def _of_folder(source: ProcessSource) -> Process:
    base = VideoOutcome(
        video_id=source.name, uri=str(source.place), painting_id=source.name, status="kept"
    )
    try:
        kept = import_folder(SourceRow(str(source.place)), base, IngestConfig())
    except Refusal as error:
        raise UserError(f"{source.place}: {error}") from error
    target = kept.keyframes[-1][0].target
    shot = [(k, data) for k, _, data in kept.keyframes if k.target == target]
    frames = tuple(decode_image(data) for _, data in shot)
    return Process(source.name, frames, tuple(k.time_s for k, _ in shot))


def _pictures(folder: Path) -> Iterator[np.ndarray]:
    """The pictures of a folder in the order of the numbers in their names."""
    paths = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES]
    for path in sorted(paths, key=_natural_key):
        try:
            yield decode_picture(path.read_bytes())
        except ValueError as error:
            raise UserError(f"{path} cannot be read: {error}") from error


def _film(place: Path, name: str) -> Iterator[np.ndarray]:
    """All frames of the film of that name."""
    paths = [p for p in sorted(place.glob("*")) if p.stem == name and p.is_file()]
    if not paths:
        raise UserError(f"{place} has neither a folder nor a film {name}: paint it, or rename it")
    try:
        video = Video(paths[0], DecodeConfig())
        yield from (frame.image for frame in video.frames(video.packets.times_s.tolist()))
    except Refusal as error:
        raise UserError(f"{paths[0]}: {error}") from error


def _natural_key(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.stem)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
