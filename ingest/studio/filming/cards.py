"""Renders text cards: title and end card of a film."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.scene.palette import mix, rgb
from ingest.studio.scene.scene import Scene


def make_card(
    rng: np.random.Generator, frame_px: tuple[int, int], scene: Scene, lines: tuple[str, ...]
) -> np.ndarray:
    """Lines of text on a plain ground with a coloured bar; RGB uint8 (H, W, 3)."""
    width, height = frame_px
    dark = bool(rng.random() < 0.5)
    ground = (
        mix(rgb("#17181c"), scene.palette.sky[0], 0.25)
        if dark
        else mix(rgb("#f6f2ea"), scene.palette.sky[2], 0.2)
    )
    ink = rgb("#f4efe6") if dark else rgb("#2a2622")
    card = np.empty((height, width, 3), np.float32)
    card[:] = ground
    cv2.rectangle(
        card,
        (0, round(height * 0.68)),
        (width, round(height * 0.7)),
        scene.palette.flowers[0].tolist(),
        -1,
    )
    for index, line in enumerate(lines):
        size = height / 420 * (1.0 if index == 0 else 0.6)
        font, thick = cv2.FONT_HERSHEY_COMPLEX, max(1, round(size * 1.8))
        (w, h), _ = cv2.getTextSize(line, font, size, thick)
        size = min(size, size * width * 0.86 / max(w, 1))
        (w, h), _ = cv2.getTextSize(line, font, size, thick)
        place = ((width - w) // 2, round(height * (0.46 + 0.14 * index)) + h // 2)
        cv2.putText(card, line, place, font, size, ink.tolist(), thick, cv2.LINE_AA)
    return card.astype(np.uint8)
