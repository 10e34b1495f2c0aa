"""Random keyframe folders by index: six pictures, each of another kind, with their times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.ingest.per_source.combinations.film_combinations import SEED
from tests.ingest.per_source.combinations.names import STEMS

NUM_PICTURES = 6


@dataclass(frozen=True)
class PictureFormat:
    """A file format (by its ending), what its values are, and how it is written."""

    ending: str
    mode: str
    """Pillow's mode, or `RGB16` and `RGBA16`: 16 bit a channel."""
    writing: str = ""
    """A way of its own: progressive, lossless, compressed, 4:4:4."""

    @property
    def has_alpha(self) -> bool:
        return self.mode in ("RGBA", "LA", "PA", "RGBA16")

    @property
    def is_grey(self) -> bool:
        return self.mode in ("L", "LA", "I;16", "F")

    @property
    def has_orientation(self) -> bool:
        """A tag may say how the picture is turned and mirrored. In HEIC a property of the image
        does, which pillow-heif does not write; readers ignore the tag there."""
        return self.ending in ("jpg", "png", "webp", "tif", "avif") and "16" not in self.mode

    @property
    def is_lossy(self) -> bool:
        return self.ending in ("jpg", "jpeg", "heic", "avif") or self.writing == "lossy"


def _of(ending: str, modes: str, writings: str = "plain") -> list[PictureFormat]:
    return [PictureFormat(ending, m, w) for m in modes.split() for w in writings.split()]


PICTURE_FORMATS = [
    *_of("png", "RGB RGBA L LA P PA I;16 RGB16 RGBA16"),
    *_of("jpg", "RGB", "plain progressive 4:4:4"),
    *_of("jpg", "L CMYK"),
    *_of("jpeg", "RGB"),
    *_of("webp", "RGB RGBA", "lossy lossless"),
    *_of("tif", "RGB RGBA L P CMYK I;16 F RGB16", "plain compressed"),
    *_of("tiff", "LAB"),
    *_of("bmp", "RGB L P"),
    *_of("heic", "RGB RGBA L"),
    *_of("avif", "RGB RGBA"),
]
LAYOUTS = ("times.csv", "manifest", "authors")
"""Where the times stand: in the folder, in a file that a manifest names, or in the names."""
NO_STEMS = ("long", "two lines", "no utf-8", "quotes", "spaces")
"""Names that are tried on folders; in a list of times they are hard to write or read."""
TABLES = ("commas", "semicolons", "tabs", "title rows", "utf-16", "capitals")
"""How a spreadsheet saved the times."""


@dataclass(frozen=True)
class PictureCombination:
    """How a picture is stored."""

    format: PictureFormat
    orientation: int
    """1 to 8, as EXIF numbers them."""
    alpha: str
    """none, opaque, veil or hole."""
    profile: str
    """none, or sRGB: a colour profile lies in the file."""
    stem: str


@dataclass(frozen=True)
class FolderCombination:
    """How a folder of keyframes is stored."""

    index: int
    pictures: tuple[PictureCombination, ...]
    layout: str
    table: str
    scale: int
    """Size of the pictures over that of the stored keyframes."""
    stem: str
    """Name of the folder."""

    @property
    def kinds(self) -> dict[str, list[str]]:
        """What the folder and its pictures are, for the table of counts."""
        return {
            "times": [self.layout if self.layout == "authors" else f"{self.layout}, {self.table}"],
            "file": [picture.format.ending for picture in self.pictures],
            "mode": [picture.format.mode for picture in self.pictures],
            "orientation": [str(picture.orientation) for picture in self.pictures],
            "alpha": [picture.alpha for picture in self.pictures],
            "name": [self.stem],
        }

    @property
    def id(self) -> str:
        modes = "-".join(f"{p.format.ending}_{p.format.mode}" for p in self.pictures)
        return f"{self.index}-folder-{self.layout}-{self.table}-{modes}".replace(" ", "_")


def folder_combination(index: int) -> FolderCombination:
    """The folder of an index; every index has one, and it never changes."""
    rng = np.random.default_rng([SEED, index, 1])
    return FolderCombination(
        index=index,
        pictures=tuple(_picture(rng) for _ in range(NUM_PICTURES)),
        layout=_choice(rng, LAYOUTS),
        table=_choice(rng, TABLES),
        scale=int(rng.integers(1, 3)),
        stem=_choice(rng, tuple(STEMS)),
    )


def _picture(rng: np.random.Generator) -> PictureCombination:
    format = PICTURE_FORMATS[rng.integers(len(PICTURE_FORMATS))]
    return PictureCombination(
        format=format,
        orientation=int(rng.integers(1, 9)) if format.has_orientation else 1,
        alpha=_choice(rng, ("opaque", "veil", "hole")) if format.has_alpha else "none",
        profile="sRGB" if format.mode == "RGB" and rng.integers(4) == 0 else "none",
        stem=_choice(rng, tuple(stem for stem in STEMS if stem not in NO_STEMS)),
    )


def _choice(rng: np.random.Generator, values: tuple[str, ...]) -> str:
    return values[rng.integers(len(values))]
