"""Imports keyframes that exist already: folders of pictures with times.

A picture is stored byte by byte where every reader shows it alike (`plain_format`): an opaque,
upright RGB file of the right size. Others are stored as they are meant to be seen.

Two layouts are read: that of the paper's authors (``{number}_{m:ss}.jpg`` with a
``last_aligned_frame_inv.json``, which lists, for each target, the pictures before it), and pictures
with a CSV ``file,time_s``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from ingest.conventions.errors import Refusal
from ingest.format.images import ImageFormat, encode_image, resize_short_side
from ingest.format.picture_files import decode_picture, opened_picture, plain_format
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import KeptSource
from ingest.settings import IngestConfig
from ingest.sources.discover import times_file
from ingest.sources.picture_times import check_times, picture_path, read_times
from ingest.sources.source_row import FRAMES_FILE, TARGETS_FILE, SourceRow
from ingest.video.imaging.colour_distance import change, is_blank, pyramid
from ingest.video.keyframes.preview import preview

OFFICIAL_NAME = re.compile(r"(\d+)_(?:(\d+):)?(\d+):(\d{2}(?:\.\d+)?)$")
"""File name, without ending, of a picture of the authors' layout: number and time."""
MAX_ASPECT_DIFFERENCE = 0.1
"""Largest relative difference of aspect ratios that is cropped away."""


@dataclass(frozen=True)
class Picture:
    """A picture of the folder."""

    path: Path
    time_s: float
    target: str
    """File name of the finished picture that it leads to."""


def holds_keyframes(path: Path) -> bool:
    """Returns True if the path is a folder of keyframes rather than of a video's frames
    (`ingest.video.decoding.image_sequence`)."""
    return path.is_dir() and not (path / FRAMES_FILE).is_file()


def import_folder(row: SourceRow, base: VideoOutcome, config: IngestConfig) -> KeptSource:
    """Returns the pictures of a folder as keyframes.

    Raises:
        Refusal: no-times, bad-times, bad-picture, too-short.
    """
    is_official = (row.path / TARGETS_FILE).is_file()
    pictures = _read_official(row.path) if is_official else _read_timed(row)
    if len(pictures) < 2:
        raise Refusal("too-short", f"{row.uri} has {len(pictures)} pictures, 2 are the least")
    images = [_decoded(picture.path) for picture in pictures]
    encoded, adapted = _fitted(pictures, images, config)
    names = [picture.path.name for picture in pictures]
    changes = _changes(images, config.occlusion.side_px)
    keyframes = [
        Keyframe(
            video_id=base.video_id,
            index=index,
            time_s=round(picture.time_s * row.speed, 3),
            target=names.index(picture.target),
            is_bare=index == 0 and is_blank(images[0]),
            quality={"change": round(changes[index], 4)} if index and changes else {},
        )
        for index, picture in enumerate(pictures)
    ]
    outcome = base.model_copy(
        update={
            "duration_s": keyframes[-1].time_s,
            "width_px": images[-1].shape[1],
            "height_px": images[-1].shape[0],
            "span_s": (keyframes[0].time_s, keyframes[-1].time_s),
            "num_sampled_frames": len(pictures),
            "warnings": (f"resized: {adapted} pictures were scaled or cropped to fit",)
            if adapted
            else (),
        }
    )
    stored: list[tuple[Keyframe, ImageFormat, bytes]] = [
        (k, format, data) for k, (format, data) in zip(keyframes, encoded, strict=True)
    ]
    fates = [FrameFate(None, k.time_s, keyframes=(k.index,)) for k in keyframes]
    return KeptSource(outcome, stored, preview(images[-1], None), fates)


def _changes(images: list[np.ndarray], side_px: int) -> list[float]:
    """Returns each picture's change from the one before, 0 to 1 (0 for the first); empty if the
    pictures have several sizes.

    Args:
        side_px: short side at which they are compared.
    """
    pyramids = [pyramid(resize_short_side(image, side_px)) for image in images]
    if any(levels[0].shape != pyramids[0][0].shape for levels in pyramids):
        return []
    return [0.0, *(change(before, after) for before, after in pairwise(pyramids))]


def parse_official_name(stem: str) -> tuple[int, float]:
    """Returns the number and the time in seconds of ``{number}_{m:ss}`` or ``{number}_{h:mm:ss}``.

    Raises ValueError for any other name.
    """
    match = OFFICIAL_NAME.fullmatch(stem)
    if not match:
        raise ValueError(f"{stem!r} is not NUMBER_M:SS or NUMBER_H:MM:SS")
    number, hours, minutes, seconds = match.groups()
    return int(number), int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _read_official(folder: Path) -> list[Picture]:
    """Returns the pictures of the authors' layout, each with the first target that lists it."""
    file = folder / TARGETS_FILE
    try:
        targets = json.loads(file.read_text(encoding="utf-8"))
        pairs = [(t, str(name)) for t, names in targets.items() for name in [*names, t]]
    except (ValueError, AttributeError, TypeError) as error:
        raise Refusal(
            "bad-times", f"{file}: expected {{target: [earlier names]}} ({error}): fetch it again"
        ) from error
    found: dict[str, Picture] = {}
    for target, name in pairs:
        path = picture_path(folder, name)
        try:
            _, time_s = parse_official_name(path.stem)
        except ValueError as error:
            raise Refusal("bad-times", f"{file}: {error}: rename the picture") from error
        found.setdefault(path.name, Picture(path, time_s, picture_path(folder, target).name))
    pictures = sorted(found.values(), key=lambda picture: (picture.time_s, picture.path.name))
    check_times(file, [(picture.path.name, picture.time_s) for picture in pictures])
    return pictures


def _read_timed(row: SourceRow) -> list[Picture]:
    """Returns pictures with times from a CSV ``file,time_s``; the last one is the target of all."""
    file = times_file(row)
    if file is None:
        raise Refusal(
            "no-times",
            f"{row.uri} holds pictures without times: put a times.csv (file,time_s) beside them, "
            "or name one in the manifest's column times",
        )
    pictures = read_times(row.path, file)
    last = pictures[-1][0].name if pictures else ""
    return [Picture(path, time_s, last) for path, time_s in pictures]


def _decoded(path: Path) -> np.ndarray:
    try:
        return decode_picture(path.read_bytes())
    except ValueError as error:
        raise Refusal("bad-picture", f"{path} cannot be read: {error}") from error


def _plain(path: Path) -> tuple[ImageFormat, bytes] | None:
    """Format and bytes of a file that is stored as it is; None if it must be converted."""
    data = path.read_bytes()
    with opened_picture(data) as opened:
        format = plain_format(opened, data)
    return None if format is None else (format, data)


def _fitted(
    pictures: list[Picture], images: list[np.ndarray], config: IngestConfig
) -> tuple[list[tuple[ImageFormat, bytes]], int]:
    """Returns the encoded pictures, all of one size, and how many had to be scaled or cropped."""
    shape = resize_short_side(images[-1], config.keyframes.side_px).shape
    encoded: list[tuple[ImageFormat, bytes]] = []
    adapted = 0
    for picture, image in zip(pictures, images, strict=True):
        aspect = (image.shape[1] / image.shape[0]) / (shape[1] / shape[0])
        if abs(aspect - 1) > MAX_ASPECT_DIFFERENCE:
            raise Refusal(
                "bad-picture",
                f"{picture.path} has {image.shape[1]}x{image.shape[0]} px, which does not fit the "
                f"finished picture ({images[-1].shape[1]}x{images[-1].shape[0]} px): crop it alike",
            )
        plain = _plain(picture.path) if image.shape == shape else None
        if plain is not None:
            encoded.append(plain)
            continue
        adapted += image.shape != shape
        scaled = _scaled_crop(image, (shape[1], shape[0]))
        format = config.keyframes.format
        encoded.append((format, encode_image(scaled, format, config.keyframes.jpeg_quality)))
    return encoded, adapted


def _scaled_crop(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns the middle of a picture, scaled to fill `size` (width, height) without stretching."""
    factor = max(size[0] / image.shape[1], size[1] / image.shape[0])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = (
        max(size[0], round(image.shape[1] * factor)),
        max(size[1], round(image.shape[0] * factor)),
    )
    image = cv2.resize(image, scaled, interpolation=method)
    left, top = (image.shape[1] - size[0]) // 2, (image.shape[0] - size[1]) // 2
    return image[top : top + size[1], left : left + size[0]]
