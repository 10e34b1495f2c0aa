"""Writes the keyframe folder of a combination with Pillow, pillow-heif and OpenCV."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from tests.ingest.per_source.combinations.film_pictures import turned
from tests.ingest.per_source.combinations.looks import grey, hole, states, with_alpha
from tests.ingest.per_source.combinations.names import STEMS
from tests.ingest.per_source.combinations.picture_combinations import (
    FolderCombination,
    PictureCombination,
)

ORIENTATION_TAG = 0x0112
FIRST_S, STEP_S = 5.5, 20.25
"""Seconds of the first picture, and between two; whole ones in the authors' layout."""
SEPARATORS = {"semicolons": ";", "tabs": "\t"}
"""Between columns, by the kind of a table; others have commas."""


def shown_picture(folder: FolderCombination, number: int) -> np.ndarray:
    """The picture, RGB uint8 (h, w, 3), that a reader shows."""
    picture, image = folder.pictures[number], states()[number]
    image = grey(image) if picture.format.is_grey else image
    if picture.alpha == "hole":
        image = image.copy()
        image[hole(image.shape)] = 255
    height, width = image.shape[:2]
    size = width * folder.scale, height * folder.scale
    return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)


def picture_times_s(folder: FolderCombination) -> list[float]:
    """Seconds of each picture."""
    times = [FIRST_S + number * STEP_S for number in range(len(folder.pictures))]
    return [float(int(time)) for time in times] if folder.layout == "authors" else times


def write_folder(folder: FolderCombination, path: Path) -> Path:
    """Writes pictures and times; returns ingest's input: the folder, or a manifest beside it."""
    path.mkdir()
    names = [_picture_name(folder, number) for number in range(len(folder.pictures))]
    for number, picture in enumerate(folder.pictures):
        _write_picture(picture, shown_picture(folder, number), path / names[number])
    if folder.layout == "authors":
        targets = {names[-1]: names[:-1]}
        (path / "last_aligned_frame_inv.json").write_text(json.dumps(targets), encoding="utf-8")
        return path
    table = _table(folder.table, list(zip(names, picture_times_s(folder), strict=True)))
    encoding = "utf-16" if folder.table == "utf-16" else "utf-8"
    is_inside = folder.layout == "times.csv"
    file = path / "times.csv" if is_inside else path.parent / "stages.csv"
    file.write_text(table, encoding=encoding)
    if is_inside:
        return path
    manifest = path.parent / "manifest.csv"
    with manifest.open("w", encoding="utf-8", errors="surrogateescape", newline="") as rows:
        csv.writer(rows).writerows([["uri", "times"], [path.name, "stages.csv"]])
    return manifest


def _picture_name(folder: FolderCombination, number: int) -> str:
    picture = folder.pictures[number]
    if folder.layout == "authors":
        second = int(picture_times_s(folder)[number])
        return f"{number + 1}_{second // 60}:{second % 60:02d}.{picture.format.ending}"
    return f"{STEMS[picture.stem]}-{number}.{picture.format.ending}"


def _table(kind: str, rows: list[tuple[str, float]]) -> str:
    separator = SEPARATORS.get(kind, ",")
    head = ["FILE", "Time_S"] if kind == "capitals" else ["file", "time_s"]
    lines = [separator.join(head)]
    for name, time_s in reversed(rows):
        time = f"{time_s}".replace(".", ",") if separator != "," else f"{time_s}"
        quoted = f'"{name}"' if separator in name or '"' in name else name
        lines.append(separator.join([quoted, time]))
    if kind == "title rows":
        lines = ["My paintings,", "filmed in May,", *lines]
    return "\n".join(lines) + "\n"


def _write_picture(picture: PictureCombination, shown: np.ndarray, path: Path) -> None:
    format = picture.format
    values = with_alpha(shown, picture.alpha) if format.has_alpha else shown
    values = turned(values, picture.orientation)
    if format.mode in ("RGB16", "RGBA16"):
        order = cv2.COLOR_RGB2BGR if values.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        deep = cv2.cvtColor(values, order).astype(np.uint16) * 257
        done, data = cv2.imencode(path.suffix, deep)
        assert done, path
        path.write_bytes(data.tobytes())
        return
    pillow_heif.register_heif_opener()
    image, options = _image(values, format.mode), _options(picture)
    if picture.orientation != 1:
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = picture.orientation
        options["exif"] = exif
    data = io.BytesIO()  # a name that is no UTF-8 is refused by some writers
    image.save(data, Image.registered_extensions()[path.suffix], **options)
    path.write_bytes(data.getvalue())


def _image(values: np.ndarray, mode: str) -> Image.Image:
    """RGB or RGBA uint8 in a mode of Pillow's."""
    image = Image.fromarray(np.ascontiguousarray(values))
    if mode == "I;16":
        return Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray(values[..., 0].astype(np.float32) / 255)
    if mode == "LA":
        return Image.merge("LA", [image.getchannel(0), image.getchannel(3)])
    if mode == "L":
        return image.getchannel(0)
    if mode == "P":
        return image.quantize(256, dither=Image.Dither.NONE)
    if mode == "PA":
        return image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
        assert converted is not None, "it is not in place"
        return converted
    return image if mode in ("RGB", "RGBA") else image.convert(mode)


def _options(picture: PictureCombination) -> dict[str, Any]:
    format, options = picture.format, dict[str, Any]()
    if format.is_lossy:
        options["quality"] = 95
    if format.writing == "progressive":
        options["progressive"] = True
    if format.writing == "4:4:4":
        options["subsampling"] = 0
    if format.writing == "lossless":
        options |= {"lossless": True, "exact": True}
    if format.writing == "compressed":
        options["compression"] = "tiff_lzw"
    if picture.profile == "sRGB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        options["icc_profile"] = profile.tobytes()
    return options
