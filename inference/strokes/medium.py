"""Media: which brushes paint which level of finish, and how their paint lies on the canvas.

Finish levels of a place: 0 bare, 1 blocked in, 2 modelled, 3 detailed, 4 arrived at the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from inference.strokes.placement import Brush
from inference.strokes.rasteriser import Blending
from inference.strokes.textures import TextureKind
from ingest.conventions.errors import UserError

MediumName = Literal["oil", "acrylic", "watercolour", "pencil", "digital"]
"""Names of the media."""
NUM_LEVELS = 4
"""The level at which a place equals the picture."""


@dataclass(frozen=True)
class Coat:
    """Strokes of one brush that bring a region one level further; sizes in shares of the canvas's
    short side."""

    brush: Brush
    """Its `width_px` is the width in thousandths of the short side."""
    least_error: float
    """Strokes are laid where the blurred canvas differs by more than this, of 255."""
    blur: float = 0.3
    """Standard deviation of the blur of the colours, in brush widths."""
    lightening: float = 0.0
    """Share by which colours move towards the ground: first washes are light."""


@dataclass(frozen=True)
class Medium:
    """How one medium is painted."""

    name: MediumName
    texture: TextureKind
    blending: Blending
    coats: tuple[tuple[Coat, ...], ...]
    """For each level from 1 to 4 its coats, in order."""
    must_cover: bool
    """Whether a region that is blocked in shows no more of the ground."""
    hatching: float | None = None
    """Direction of all strokes of the first two levels in radians; None: along the picture."""


def _coat(
    width: float, least_error: float, blur: float = 0.3, lightening: float = 0.0, **brush: Any
) -> Coat:
    return Coat(Brush(width, **brush), least_error, blur, lightening)


_REVEAL = Coat(
    Brush(18, longest=3.5, spacing=0.55, opacity=1.0, colour_tolerance=1000, reveals=True), 7.0
)
"""The last coat of all media: small strokes whose paint has the picture's own colours."""

OIL = Medium(
    "oil", "bristle", "cover",
    (
        (_coat(120, 0, longest=3.6, spacing=0.45), _coat(64, 15, longest=4.5, spacing=0.5)),
        (_coat(36, 12, longest=5.0, spacing=0.55),),
        (_coat(16, 10, longest=5.5, spacing=0.6), _coat(9, 12, longest=5.0, spacing=0.65)),
        (_REVEAL,),
    ),
    must_cover=True,
)  # fmt: skip
ACRYLIC = replace(
    OIL, name="acrylic", coats=(
        (
            _coat(110, 0, longest=4.5, spacing=0.45, opacity=1.0, colour_noise=1.5),
            _coat(60, 20, longest=5.0, spacing=0.5, opacity=1.0, colour_noise=1.5),
        ),
        (_coat(34, 16, longest=5.0, spacing=0.55, opacity=1.0, colour_noise=2.0),),
        (_coat(15, 12, longest=5.0, spacing=0.6, opacity=1.0, colour_noise=2.0),),
        (_REVEAL,),
    ),
)  # fmt: skip
WATERCOLOUR = Medium(
    "watercolour", "wash", "darken",
    (
        (_coat(150, 10, 0.35, 0.5, longest=3.0, spacing=0.55, opacity=0.75, colour_noise=2.0),),
        (_coat(70, 10, 0.3, 0.22, longest=3.0, spacing=0.6, opacity=0.8, colour_noise=2.0),),
        (
            _coat(28, 9, 0.25, 0.06, longest=4.0, spacing=0.6, opacity=0.85, colour_noise=2.0),
            _coat(12, 10, longest=5.0, spacing=0.65, opacity=0.9, colour_noise=2.0),
        ),
        (_REVEAL,),
    ),
    must_cover=False,
)  # fmt: skip
PENCIL = Medium(
    "pencil", "graphite", "cover",
    (
        (_coat(5, 12, 3.0, 0.35, longest=16, spacing=2.1, opacity=0.7, angle_noise=0.08),),
        (_coat(5, 12, 1.5, 0.1, longest=14, spacing=1.7, opacity=0.75, angle_noise=0.1),),
        (_coat(4, 9, 0.6, longest=9, spacing=1.2, opacity=0.85),),
        (_REVEAL,),
    ),
    must_cover=False, hatching=-0.9,
)  # fmt: skip
DIGITAL = Medium(
    "digital", "soft", "cover",
    (
        (
            _coat(120, 0, longest=4.0, spacing=0.4, opacity=1.0, colour_noise=0.0),
            _coat(60, 14, longest=4.0, spacing=0.45, opacity=1.0, colour_noise=0.0),
        ),
        (_coat(34, 11, longest=4.0, spacing=0.45, opacity=1.0, colour_noise=0.0),),
        (_coat(15, 9, longest=4.0, spacing=0.5, opacity=1.0, colour_noise=0.0),),
        (_REVEAL,),
    ),
    must_cover=True,
)  # fmt: skip
MEDIA = {medium.name: medium for medium in (OIL, ACRYLIC, WATERCOLOUR, PENCIL, DIGITAL)}


def medium_named(name: str) -> Medium:
    """The medium of that name. Raises UserError for another name."""
    if name not in MEDIA:
        raise UserError(f"medium {name!r} is not known: choose {', '.join(get_args(MediumName))}")
    return MEDIA[name]
