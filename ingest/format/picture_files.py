"""Decodes picture files of any kind as they are meant to be seen: upright, sRGB, on white, 8 bit.

The dataset's own images are plain already and are decoded by `ingest.format.images`.
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ingest.format.images import ImageFormat, decode_image

ORIENTATION_TAG = 0x0112
"""EXIF tag that says how a picture is to be turned and mirrored; 1 is upright."""
_PLAIN_PNG = b"\x08\x02"
"""Bit depth 8, colour type RGB, in the header of a PNG."""


@contextmanager
def opened_picture(data: bytes) -> Iterator[Image.Image]:
    """A picture file, opened by Pillow and not yet decoded; pictures of phones (HEIC) too.

    Raises:
        PIL.UnidentifiedImageError: it is no picture. OSError, ValueError: it is damaged.
        PIL.Image.DecompressionBombError: it is absurdly large.
    """
    _register_heic()
    with warnings.catch_warnings():
        # A warning of large pictures is of no use here; Pillow's limit still stops absurd ones.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as image:
            yield image


def decode_picture(data: bytes) -> np.ndarray:
    """A picture file to RGB uint8 (H, W, 3). Raises ValueError when it is no readable picture."""
    try:
        with opened_picture(data) as image:
            if plain_format(image, data) is None:
                return to_rgb(image, [])
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{len(data)} bytes that are not a readable picture ({error})") from error
    # As those decode it who read the stored file.
    return decode_image(data)


def plain_format(image: Image.Image, data: bytes) -> ImageFormat | None:
    """The format of a file that a dataset may hold byte by byte; None if it must be converted.

    Such a file is a JPEG or PNG in RGB with 8 bits, upright, opaque and in sRGB, so that every
    reader shows the same picture.
    """
    is_png = image.format == "PNG"
    is_plain = (
        (is_png or image.format in ("JPEG", "MPO"))
        and image.mode == "RGB"
        and (not is_png or data[24:26] == _PLAIN_PNG)
        and not (is_png and getattr(image, "is_animated", False))
        and "transparency" not in image.info
        and image.getexif().get(ORIENTATION_TAG, 1) == 1
        and _is_srgb(image)
    )
    return ("png" if is_png else "jpg") if is_plain else None


def to_rgb(image: Image.Image, notes: list[str]) -> np.ndarray:
    """RGB uint8 (H, W, 3): upright, in sRGB, transparency on white, the colour of a blank canvas.

    Args:
        notes: a sentence for the user is added for what was changed.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return _from_deep_grey(np.asarray(image).astype(np.float64))
    if image.mode == "LAB":
        image = image.convert("RGB")
    image = _to_srgb(image, notes)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, layer)
        notes.append("transparent parts were put on white")
    return np.asarray(image.convert("RGB"))


@functools.cache
def _register_heic() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()


def _from_deep_grey(values: np.ndarray) -> np.ndarray:
    """16-bit, 32-bit and float grey to RGB uint8; the full range is estimated from the largest
    value."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).clip(0)
    peak = values.max(initial=0.0)
    full = 1.0 if peak <= 1.0 else 255.0 if peak <= 255.0 else 65535.0
    full = max(full, peak) if full == 65535.0 else full
    grey = np.rint(values / full * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _is_srgb(image: Image.Image) -> bool:
    """Whether a picture has no colour profile, or that of sRGB."""
    profile = image.info.get("icc_profile")
    if not profile:
        return True
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return True  # it cannot be used: colours are taken as sRGB
    return "srgb" in name.lower()


def _to_srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """The image converted from its embedded colour profile to sRGB; unchanged without a profile."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("its colour profile could not be used; colours were taken as sRGB")
        return image
    return converted or image
