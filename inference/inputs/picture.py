"""Reads any picture file as an RGB array of canvas size, or raises an error of one line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers
from ingest.conventions.names import RENAME, is_utf8, printable
from ingest.format.images import sha256
from ingest.format.picture_files import ORIENTATION_TAG, opened_picture, to_rgb

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "avif", "bmp", "gif", "heic", "heif", "hif", "jfif", "jp2", "jpeg", "jpg", "pbm", "pgm",
        "png", "ppm", "tga", "tif", "tiff", "webp",
    )
)  # fmt: skip
"""Suffixes of pictures in a folder; a file that the user names may have any suffix."""

MAX_RATIO = 8.0
"""Largest ratio of long to short side; networks would see a longer picture as a narrow strip."""


class PictureConfig(Config):
    """Size limits of the painted canvases."""

    max_side_px: int = Field(default=1280, ge=64, le=8192)
    """Larger pictures are scaled down to this long side; sessions and films grow with it."""
    min_side_px: int = Field(default=64, ge=16)
    """Smaller pictures are scaled up to this short side."""


@dataclass(frozen=True, eq=False)
class Picture:
    """The picture to paint."""

    path: Path
    image: np.ndarray
    """The target I_T, RGB uint8 (H, W, 3), H and W within the limits of `PictureConfig`."""
    sha256: str
    """Hash of the file's bytes."""
    original_size_px: tuple[int, int]
    """Width and height in the file, upright."""
    notes: tuple[str, ...] = ()
    """Changes made to the picture, for the user."""


def find_pictures(paths: list[Path]) -> list[Path]:
    """Files as given, folders replaced by the pictures in them (sorted by name, not deeper).

    Raises:
        UserError: the only path does not exist, a folder holds no picture, or nothing was given.
    """
    found: list[Path] = []
    for path in paths:
        if os.path.isdir(path):
            inside = sorted(
                p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()
            )
            if not inside:
                raise UserError(f"{path} holds no picture: expected files such as .jpg, .png, .tif")
            found += inside
        # Among others, one that is not there is refused when its turn comes.
        elif os.path.exists(path) or len(paths) > 1:
            found.append(path)
        else:
            raise UserError(f"picture {path} not found: check the path")
    if not found:
        raise UserError("no picture given: name a picture file or a folder of pictures")
    return list(dict.fromkeys(found))


def load_picture(path: Path, config: PictureConfig) -> Picture:
    """Read a picture of any mode: upright, sRGB, transparency on white, 8 bit, of canvas size.

    Raises:
        UserError: the file is missing, empty, damaged, no picture, or of an unsupported size.
    """
    data = _read(path)
    notes: list[str] = []
    try:
        with opened_picture(data) as opened:
            _check_size(path, *opened.size)
            original = _upright_size(opened)
            num_images = getattr(opened, "n_frames", 1)
            if num_images > 1:
                notes.append(f"the first of {num_images} images in the file")
            # JPEG decodes huge pictures at a half, quarter or eighth of their size faster.
            opened.draft("RGB", (config.max_side_px * 2, config.max_side_px * 2))
            image = to_rgb(opened, notes)
    except UnidentifiedImageError:
        raise UserError(
            f"{path} is no picture that can be read ({len(data)} bytes): give a JPEG, PNG, "
            "TIFF, WebP, HEIC, BMP or GIF file"
        ) from None
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} is too large ({error}): scale it down first") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())}): export the picture again"
        ) from error
    return Picture(
        path, _to_canvas_size(image, config, notes), sha256(data), original, tuple(notes)
    )


def as_picture(given: Any, config: PictureConfig) -> Picture:
    """The picture to paint from what people have in Python, at canvas size.

    Args:
        given: a path, a PIL image of any mode, or RGB uint8 (H, W, 3).

    Raises:
        UserError: it is none of these, damaged, or of an unsupported size.
    """
    if isinstance(given, (str, Path)):
        return load_picture(Path(given), config)
    notes: list[str] = []
    path = Path("picture.png")
    image = to_rgb(given, notes) if isinstance(given, Image.Image) else given
    if not (isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3):
        got = getattr(image, "shape", type(image).__name__)
        raise UserError(f"a picture is a path, a PIL image or RGB uint8 (H, W, 3), got {got}")
    if image.dtype != np.uint8:
        raise UserError(f"a picture is RGB uint8 (H, W, 3), got {image.dtype}: convert it")
    image = np.ascontiguousarray(image)
    height, width = image.shape[:2]
    _check_size(path, width, height)
    digest = sha256(image.tobytes())
    image = _to_canvas_size(image, config, notes)
    return Picture(path, image, digest, (width, height), tuple(notes))


def _read(path: Path) -> bytes:
    if not is_utf8(str(path)):
        raise UserError(f"{printable(str(path))}: {RENAME}")
    if path.is_file():
        refuse_pointers(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"picture {path} not found: check the path") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, expected a picture file") from None
    except PermissionError:
        raise UserError(f"{path} may not be read: change its permissions") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the path") from error
    if not data:
        raise UserError(f"{path} is empty (0 bytes): export the picture again")
    return data


def _check_size(path: Path, width: int, height: int) -> None:
    short, long = sorted((width, height))
    if short < 4:
        raise UserError(f"{path} is {width} x {height} px: at least 4 x 4 are needed")
    if long / short > MAX_RATIO:
        raise UserError(
            f"{path} is {width} x {height} px, longer than {MAX_RATIO:g} to 1: crop it first"
        )


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height after EXIF rotation; orientations 5 to 8 swap them."""
    width, height = image.size
    is_lying = image.getexif().get(ORIENTATION_TAG, 1) in (5, 6, 7, 8)
    return (height, width) if is_lying else (width, height)


def _to_canvas_size(image: np.ndarray, config: PictureConfig, notes: list[str]) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(1.0, config.max_side_px / max(height, width))
    scale = max(scale, config.min_side_px / min(height, width))
    if scale == 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    notes.append(f"scaled from {width} x {height} to {size[0]} x {size[1]} px")
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method)
