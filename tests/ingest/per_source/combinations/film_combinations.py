"""Random films by index: a combination says how a look is stored, and what ingest must find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

from tests.ingest.per_source.combinations.film_formats import DISPLAY_MATRIX, FORMATS, FilmFormat
from tests.ingest.per_source.combinations.looks import SIZES
from tests.ingest.per_source.combinations.names import ENDINGS, STEMS

SEED = 14
UNSPECIFIED = 2
"""FFmpeg's number for a matrix, primaries or transfer that is not told."""
COLOURS = {
    "untagged": (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED),
    "bt709": (1, ColorPrimaries.BT709, ColorTrc.BT709),
    "bt601": (6, ColorPrimaries.SMPTE170M, ColorTrc.SMPTE170M),
    "srgb": (1, ColorPrimaries.BT709, ColorTrc.IEC61966_2_1),
    "unknown transfer": (1, ColorPrimaries.BT709, ColorTrc.LOG),
    "p3": (1, ColorPrimaries.SMPTE432, ColorTrc.BT709),
    "bt2020": (9, ColorPrimaries.BT2020, ColorTrc.BT2020_10),
    "hlg": (9, ColorPrimaries.BT2020, ColorTrc.ARIB_STD_B67),
    "pq": (9, ColorPrimaries.BT2020, ColorTrc.SMPTE2084),
}
"""Matrix, primaries and transfer, as FFmpeg numbers them."""
DEEP_COLOURS = ("bt2020", "hlg", "pq")
"""Colours that 8 bit are too few for."""
CONVERTED_COLOURS = ("p3", *DEEP_COLOURS)
SMALL_COLOURS = ("untagged", "bt709", "bt601")
"""Colours of tall films: those that are cheap to make."""
TIMES = ("even", "late start", "variable", "dropped", "absurd end", "absurd start")
TALL_SHARE = 0.1


@dataclass(frozen=True)
class FilmCombination:
    """How a film is stored."""

    index: int
    format: FilmFormat
    shape: str
    colour: str
    is_full_range: bool
    orientation: int
    """1 to 8, as EXIF numbers them."""
    alpha: str
    times: str
    stem: str
    ending: str
    has_white_hole: bool = False
    """The look is that of a film with a hole on white, without transparency."""

    @property
    def has_other_light(self) -> bool:
        """The stored values are not those that are shown."""
        return self.colour in CONVERTED_COLOURS

    @property
    def stored_size_px(self) -> tuple[int, int]:
        """Width and height before anamorphic films are squeezed."""
        width, height = SIZES[self.shape]
        return (height, width) if self.orientation >= 5 else (width, height)

    @property
    def kinds(self) -> dict[str, str]:
        """What the film is in each respect, for the table of counts."""
        return {
            "container": self.format.ending,
            "codec": self.format.codec,
            "pixel format": self.format.pixels,
            "colours": self.colour,
            "range": "full" if self.is_full_range else "limited",
            "orientation": str(self.orientation),
            "alpha": self.alpha,
            "time stamps": self.times,
            "shape": self.shape,
            "name": self.stem,
            "ending": self.ending,
        }

    @property
    def id(self) -> str:
        return f"{self.index}-" + "-".join(v.replace(" ", "_") for v in self.kinds.values())


def film_combination(index: int) -> FilmCombination:
    """The film of an index; every index has one, and it never changes."""
    rng = np.random.default_rng([SEED, index])
    is_tall = rng.random() < TALL_SHARE
    fitting = [format for format in FORMATS if not is_tall or format.is_yuv]
    format = fitting[rng.integers(len(fitting))]
    colour = _choice(rng, _colours(format, is_tall))
    shape = "tall" if is_tall else _choice(rng, _shapes(format))
    can_turn = format.ending in DISPLAY_MATRIX or format.codec == "libx264"
    return FilmCombination(
        index=index,
        format=format,
        shape=shape,
        colour=colour,
        is_full_range=_has_full_range(rng, format, colour),
        orientation=int(rng.integers(1, 9)) if can_turn else 1,
        alpha=_choice(rng, _alphas(format)),
        times=_choice(rng, list(TIMES) if format.has_free_times else ["even"]),
        stem=_choice(rng, list(STEMS)),
        ending=_choice(rng, list(ENDINGS)),
    )


def _choice(rng: np.random.Generator, values: list[str]) -> str:
    return values[rng.integers(len(values))]


def _colours(format: FilmFormat, is_tall: bool) -> list[str]:
    if not format.tags:
        return ["untagged"]
    found = [name for name in COLOURS if format.is_deep or name not in DEEP_COLOURS]
    return [name for name in found if not is_tall or name in SMALL_COLOURS]


def _alphas(format: FilmFormat) -> list[str]:
    if format.codec == "gif":
        return ["none", "hole"]
    return ["opaque", "veil", "hole"] if format.has_alpha else ["none"]


def _shapes(format: FilmFormat) -> list[str]:
    odd = [] if format.has_even_sides else ["odd"]
    anamorphic = ["anamorphic"] if format.has_pixel_aspect else []
    return ["small", "small", *odd, *anamorphic]


def _has_full_range(rng: np.random.Generator, format: FilmFormat, colour: str) -> bool:
    """YUV that is tagged may have either range; RGB, grey and JPEG have the full one."""
    if not format.is_yuv or "yuvj" in format.pixels:
        return True
    return "r" in format.tags and bool(rng.integers(2))
