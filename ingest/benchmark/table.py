"""Aggregates the scores of films into a table of measures, each with its goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.benchmark.film import FilmScore


@dataclass(frozen=True)
class Measure:
    """One row of the table: a value and its goal."""

    name: str
    value: float
    unit: str
    limit: float
    at_least: bool
    """True: the value must be the limit or more; False: the limit or less."""

    @property
    def is_reached(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def measures(films: list[FilmScore]) -> list[Measure]:
    """The rows of the table for some films; rows without data are left out."""
    paintings = [film for film in films if not film.expected_reasons]
    others = [film for film in films if film.expected_reasons]
    kept = [film for film in paintings if film.status == "kept"]
    rows = [_share("paintings kept", [f.is_right for f in paintings], 1.0)] if paintings else []
    if kept:
        rows += [*_geometry(kept), *_pictures(kept), *_steps(kept), *_time(kept)]
    if others:
        rows.append(_share("non-paintings refused, right reason", [f.is_right for f in others], 1))
    return rows


def _geometry(kept: list[FilmScore]) -> list[Measure]:
    errors = np.concatenate([film.corner_errors_px for film in kept])
    return [
        Measure("corner error, median", float(np.median(errors)), "px", 1.5, False),
        Measure("corner error, 95th percentile", float(np.percentile(errors, 95)), "px", 4, False),
    ]


def _pictures(kept: list[FilmScore]) -> list[Measure]:
    pictures = [picture for film in kept for picture in film.pictures]
    psnr = np.array([picture.psnr_db for picture in pictures])
    within = [p.time_error_s <= f.sampling_s + 1e-6 for f in kept for p in f.pictures]
    return [
        Measure("keyframe PSNR, median", float(np.median(psnr)), "dB", 31, True),
        _share("keyframes of 25 dB or more", list(psnr >= 25), 0.95),
        Measure("cover left in", 100 * _mean(p.residue for p in pictures), "%", 0.3, False),
        Measure(
            "the same, edges counted", 100 * _mean(p.raw_residue for p in pictures), "%", 0.3, False
        ),
        _share("keyframe times within a sampling period", within, 0.98),
    ]


def _steps(kept: list[FilmScore]) -> list[Measure]:
    steps = [film.steps for film in kept if film.steps is not None]
    shown, number = sum(s.num_shown for s in steps), sum(s.num_steps for s in steps)
    empty, keyframes = sum(s.num_without_paint for s in steps), sum(s.num_keyframes for s in steps)
    return [
        Measure("painted steps shown", 100 * shown / max(1, number), "%", 95, True),
        Measure("keyframes without new paint", 100 * empty / max(1, keyframes), "%", 2, False),
    ]


def _time(kept: list[FilmScore]) -> list[Measure]:
    ratio = sum(f.ingest_s for f in kept) / sum(f.decode_s for f in kept)
    return [Measure("processor time over bare decoding", ratio, "x", 1.5, False)]


def parts(films: list[FilmScore]) -> dict[str, float]:
    """Each part's processor time, divided by that of decoding alone, over all kept films."""
    kept = [film for film in films if film.parts_s]
    decoding = sum(film.decode_s for film in kept)
    names = kept[0].parts_s if kept else {}
    return {name: sum(film.parts_s[name] for film in kept) / decoding for name in names}


def _share(name: str, flags: list[bool], limit: float) -> Measure:
    return Measure(name, 100 * float(np.mean(flags)), "%", 100 * limit, True)


def _mean(values: object) -> float:
    return float(np.mean(list(values)))  # pyright: ignore
