"""Makes films in which nothing is painted: ingest must refuse them for one of the named reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from ingest.conventions.atomic import write_json
from ingest.studio.filming.cards import make_card
from ingest.studio.filming.encode import write_mp4
from ingest.studio.filming.film import film_video
from ingest.studio.filming.room import make_table
from ingest.studio.filming.talker import Talker
from ingest.studio.painting.formats import format_of
from ingest.studio.painting.playback import paint_picture
from ingest.studio.scene.compose_scene import compose_scene
from ingest.studio.script.truth import TRUTH_VERSION, truth_folder
from ingest.studio.settings import StudioConfig

Frames = Iterator[np.ndarray]
"""RGB uint8 (H, W, 3), one a frame."""
REFUSALS: dict[str, tuple[str, ...]] = {
    "dry-brush": ("no-painting",),
    "slideshow": ("canvas-lost", "no-painting"),
    "reveal": ("revealed",),
    "walk": ("canvas-lost", "no-painting"),
    "talking-head": ("no-painting", "canvas-lost"),
    "cards": ("no-painting", "canvas-lost"),
}
"""The correct refusal reasons (`ingest.ledger.reasons`) of every kind of film, likeliest first."""


def film_non_painting(kind: str, seed: int, config: StudioConfig, video: Path) -> None:
    """Film one kind of `REFUSALS`: `video` (mp4) and a truth folder that names the reasons."""
    if kind == "dry-brush":
        film_video(seed, config, video, is_dry=True)
        return
    frame_px = format_of(seed, config).frame_px
    num_frames = round(config.seconds * config.fps)
    frames_of = _FRAME_GENERATORS[kind]
    rng = np.random.default_rng([seed, 31])
    with write_mp4(video, frame_px, config.fps, config.crf) as write:
        for image in frames_of(rng, seed, frame_px, num_frames, config.fps):
            write(_noisy(rng, image))
        write_json(truth_folder(video) / "truth.json", _record(kind, seed, config, frame_px))


def _record(
    kind: str, seed: int, config: StudioConfig, frame_px: tuple[int, int]
) -> dict[str, object]:
    """The contents of truth.json of a film without a painting: no canvas, no steps."""
    num_frames = round(config.seconds * config.fps)
    return {
        "truth_version": TRUTH_VERSION,
        "seed": seed,
        "config": config.model_dump(mode="json"),
        "kind": kind,
        "expected_refusal": list(REFUSALS[kind]),
        "canvas_px": list(frame_px),
        "frame_px": list(frame_px),
        "fps": config.fps,
        "num_frames": num_frames,
        "span_s": [0.0, 0.0],
        "bare": None,
        "finished": None,
        "steps": [],
        "grid": [],
        "frames": {
            "shot": ["other"] * num_frames,
            "covered": [0.0] * num_frames,
            "visible": [0.0] * num_frames,
            "corners_px": [None] * num_frames,
        },
    }


def _noisy(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Add a little sensor noise, so that no two frames are equal."""
    grain = rng.integers(-2, 3, (*image.shape[:2], 1), np.int16)
    return np.clip(image.astype(np.int16) + grain, 0, 255).astype(np.uint8)


def _slideshow(
    rng: np.random.Generator, seed: int, frame_px: tuple[int, int], num_frames: int, fps: int
) -> Frames:
    """A slideshow of finished pictures: slow zooms (Ken Burns effect) with dissolves between."""
    del fps
    width, height = frame_px
    margin = (round(width * 1.1), round(height * 1.1))
    count = int(rng.integers(4, 7))
    small = (margin[0] // 2, margin[1] // 2)
    pictures = [
        cv2.resize(paint_picture(seed * 10 + i, small), margin, interpolation=cv2.INTER_CUBIC)
        for i in range(count)
    ]
    each, blend = num_frames / count, num_frames / count * 0.15

    def seen(slide: int, index: int) -> np.ndarray:
        scale = 0.92 + 0.06 * (index - slide * each) / each
        shift = (width - margin[0] * scale) / 2, (height - margin[1] * scale) / 2
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        return cv2.warpAffine(pictures[slide], matrix, frame_px, flags=cv2.INTER_AREA)

    for index in range(num_frames):
        slide = min(int(index / each), count - 1)
        image = seen(slide, index)
        left = (slide + 1) * each - index
        if left < blend and slide + 1 < count:
            share = 1 - left / blend
            image = cv2.addWeighted(image, 1 - share, seen(slide + 1, index), share, 0.0)
        yield image


def _reveal(
    rng: np.random.Generator, seed: int, frame_px: tuple[int, int], num_frames: int, fps: int
) -> Frames:
    """A finished picture that appears on paper under a soft round mask moving along rows."""
    width, height = frame_px
    picture = paint_picture(seed, (round(width * 0.84), round(height * 0.84)))
    page = np.full((height, width, 3), 236, np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    shown = page.copy()
    shown[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    mask = np.zeros((height, width), np.float32)
    radius, start, end = 0.1 * min(frame_px), fps, num_frames - 2 * fps
    rows = int(np.ceil(height / (1.5 * radius)))
    wobble = rng.uniform(0, 6, 2)
    for index in range(num_frames):
        for part in np.linspace(index - 1, index, 8)[1:]:
            along = (part - start) / max(end - start, 1) * rows
            if 0 <= along <= rows:
                row, share = int(along), along % 1
                x = width * (share if row % 2 == 0 else 1 - share)
                y = (row + 0.5) * height / rows + 0.3 * radius * np.sin(9 * along + wobble[0])
                cv2.circle(mask, (round(x), round(y)), round(1.1 * radius), 1.0, -1, cv2.LINE_AA)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.1 * radius)[..., None]
        yield (page + soft * (shown.astype(np.float32) - page)).astype(np.uint8)


def _walk(
    rng: np.random.Generator, seed: int, frame_px: tuple[int, int], num_frames: int, fps: int
) -> Frames:
    """A handheld walk: the view pans over a wide scene, zooms in, and bobs with every step."""
    width, height = frame_px
    wide = (round(width * 4.0), round(height * 1.7))
    scene = cv2.resize(
        paint_picture(seed, (wide[0] // 2, wide[1] // 2)), wide, interpolation=cv2.INTER_CUBIC
    )
    lean = rng.uniform(0, 6, 3)
    for index in range(num_frames):
        time_s, share = index / fps, index / max(num_frames - 1, 1)
        scale = 0.95 + 0.5 * abs(np.sin(2.2 * np.pi * share + lean[0]))
        x = wide[0] * (0.18 + 0.64 * share) + 0.03 * width * np.sin(1.3 * time_s + lean[1])
        y = wide[1] / 2 + 0.025 * height * np.sin(2 * np.pi * 1.8 * time_s)
        angle = 0.03 * np.sin(2 * np.pi * 0.9 * time_s + lean[2])
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = np.array(frame_px) / 2 - turn @ np.array([x, y])
        matrix = np.column_stack([turn, shift])
        yield cv2.warpAffine(scene, matrix, frame_px, borderMode=cv2.BORDER_REFLECT)


def _talking_head(
    rng: np.random.Generator, seed: int, frame_px: tuple[int, int], num_frames: int, fps: int
) -> Frames:
    """Somebody talks in front of a blurred room: head and mouth move, a hand gestures at times."""
    table, _ = make_table(rng, max(frame_px) // 2 + 1, (1, 1))
    room = np.clip(table[: frame_px[1], : frame_px[0]], 0, 255).astype(np.uint8)
    talker = Talker(rng, seed, cv2.GaussianBlur(room, (0, 0), 0.03 * min(frame_px)))
    for index in range(num_frames):
        yield talker.frame(index / fps)


def _cards(
    rng: np.random.Generator, seed: int, frame_px: tuple[int, int], num_frames: int, fps: int
) -> Frames:
    """Text cards of three seconds each."""
    scene = compose_scene(seed, frame_px[0] / frame_px[1])
    texts = (
        ("My new course", "starts on Monday"), ("Twelve lessons", "for beginners"),
        ("What you need", "three brushes, five colours"), ("Sign up today", "link below"),
    )  # fmt: skip
    cards = [make_card(rng, frame_px, scene, text) for text in texts]
    for index in range(num_frames):
        yield cards[int(index / fps / 3) % len(cards)]


_FRAME_GENERATORS: dict[
    str, Callable[[np.random.Generator, int, tuple[int, int], int, int], Frames]
] = {
    "slideshow": _slideshow,
    "reveal": _reveal,
    "walk": _walk,
    "talking-head": _talking_head,
    "cards": _cards,
}
"""Kinds of films that are rendered here; a dry brush is filmed as a painting."""
