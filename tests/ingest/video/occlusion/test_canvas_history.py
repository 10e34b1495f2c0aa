"""Paint stays, occluders are removed; exposure is evened; the span and keyframes fit."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.video.canvas.footage import Footage
from ingest.video.keyframes.painting_span import Span, SpanConfig, find_span
from ingest.video.keyframes.selection import KeyframeConfig, choose_bins, choose_source_frames
from ingest.video.lighting.light import apply_gain, gains, recover_overexposed
from ingest.video.occlusion.canvas_history import OcclusionConfig, remove_occluders

CONFIG = OcclusionConfig(side_px=64)
NUM, SIZE = 120, (64, 96)
SKIN = (205, 150, 125)
WHOLE = np.ones(SIZE, bool)


def painted(number: int) -> np.ndarray:
    """The true canvas: a step of paint every 24 frames; at last a cloud as white as the canvas."""
    canvas = np.full((*SIZE, 3), 235, np.uint8)
    if number >= 24:
        canvas[:36] = (80, 130, 205)
    if number >= 48:
        canvas[36:] = (70, 120, 60)
    if number >= 72:
        cv2.circle(canvas, (70, 44), 12, (170, 50, 40), -1)
    if number >= 96:
        cv2.ellipse(canvas, (30, 16), (16, 8), 0, 0, 360, (235, 235, 235), -1)
    return canvas


def hand(number: int) -> np.ndarray:
    """bool (h, w): an arm that sweeps over the canvas and rests for some frames."""
    mask = np.zeros(SIZE, np.uint8)
    step, phase = divmod(number, 24)
    if step and phase < 12:
        x = 12 + 9 * (2 * step % 5) + 4 * min(phase, 8)
        cv2.line(mask, (x, 18), (x + 60 - 8 * step, 80), 1, 14)
        cv2.circle(mask, (x, 18), 9, 1, -1)
    return mask > 0


def footage() -> np.ndarray:
    rng = np.random.default_rng(0)
    frames = []
    for number in range(NUM):
        frame = painted(number)
        frame[hand(number)] = SKIN
        frames.append(np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


def wrong(state: np.ndarray, number: int) -> float:
    """Share of pixels that are neither the canvas before nor after the step near `number`."""
    options = [painted(max(0, number - 8)), painted(number), painted(min(NUM - 1, number + 8))]
    errors = [np.abs(state.astype(int) - option).max(axis=2) > 40 for option in options]
    return float(np.logical_and.reduce(errors).mean())


def test_hands_are_removed_and_paint_is_not() -> None:
    frames = footage()
    history = remove_occluders(
        frames, np.ones(frames.shape[:3], bool), WHOLE, Footage.SCREEN, CONFIG
    )
    middles = [int(b[len(b) // 2]) for b in history.bins]
    worst = max(wrong(s, m) for s, m in zip(history.states, middles, strict=True))
    assert worst < 0.03
    # The white cloud comes back to the colour of the canvas; the sky before it is paint still.
    at = next(i for i, m in enumerate(middles) if m >= 84)
    assert np.abs(history.states[at][16, 30].astype(int) - (80, 130, 205)).max() < 15
    assert not history.never_seen.any()


def test_what_is_never_seen_is_reported() -> None:
    frames = footage()
    valid = np.ones(frames.shape[:3], bool)
    valid[:, :, :10] = False
    history = remove_occluders(frames, valid, WHOLE, Footage.SCREEN, CONFIG)
    assert history.never_seen[:, :9].all()
    assert not history.never_seen[:, 12:].any()


def test_keyframes_show_every_step_and_no_hand() -> None:
    frames = footage()
    valid = np.ones(frames.shape[:3], bool)
    history = remove_occluders(frames, valid, WHOLE, Footage.SCREEN, CONFIG)
    span = find_span(history.states, SpanConfig())
    assert span is not None
    config = KeyframeConfig(target_count=5)
    chosen = choose_bins(history, span, config)
    assert chosen[0][0] == span.first
    assert chosen[-1][0] == span.last
    assert all(a[0] < b[0] for a, b in itertools.pairwise(chosen))
    assert 5 <= len(chosen) <= 9
    for keyframe in choose_source_frames(history, chosen, frames, valid, config):
        masks = np.stack(list(keyframe.source_masks.values()))
        assert (masks.sum(axis=0) <= config.looks_per_keyframe).all()
        for number, use in keyframe.source_masks.items():
            skin = np.abs(frames[number].astype(int) - SKIN).max(axis=2) < 8
            assert not (use & skin).any()


def test_the_same_frames_give_the_same_history() -> None:
    frames = footage()
    valid = np.ones(frames.shape[:3], bool)
    first, second = (
        remove_occluders(frames, valid, WHOLE, Footage.SCREEN, CONFIG),
        remove_occluders(frames.copy(), valid, WHOLE, Footage.SCREEN, CONFIG),
    )
    np.testing.assert_array_equal(first.states, second.states)


def test_span_leaves_out_idle_ends() -> None:
    states = [painted(0)] * 5 + [painted(n) for n in (24, 48, 72, 96)] + [painted(100)] * 6
    assert find_span(np.stack(states), SpanConfig()) == Span(4, 8)
    assert find_span(np.stack([painted(100)] * 9), SpanConfig()) is None


def test_span_leaves_out_the_finished_picture_shown_first() -> None:
    steps = [painted(0)] * 2 + [painted(n) for n in (24, 48, 72, 96, 100, 101, 102)]
    span = find_span(np.stack([painted(100)] * 2 + steps), SpanConfig())
    assert span is not None
    assert span.first >= 2
    assert span.intro == "the finished picture is shown first"


def test_span_leaves_out_another_picture_shown_first() -> None:
    rng = np.random.default_rng(0)
    other = cv2.resize(rng.integers(0, 255, (16, 24, 3), dtype=np.uint8), (96, 64))
    steps = [painted(0)] * 3 + [painted(n) for n in (24, 48, 72, 96, 100, 101, 102)]
    span = find_span(np.stack([other] * 2 + steps), SpanConfig())
    assert span is not None
    assert span.first >= 2
    assert span.intro == "another picture is shown first"


def test_slow_light_is_undone_and_sudden_colour_is_paint() -> None:
    rng = np.random.default_rng(0)
    base = cv2.GaussianBlur(rng.integers(60, 180, (60, 80, 3)).astype(np.uint8), (0, 0), 2)
    valid = np.ones(base.shape[:2], bool)
    drift = [1 + 0.004 * n * np.array([1, 0.5, -0.5]) for n in range(40)]
    frames = [np.clip(base * d, 0, 255).astype(np.uint8) for d in drift]
    found = gains((f, valid) for f in frames)
    corrected = apply_gain(frames[-1], found[-1])
    assert np.abs(corrected.astype(int) - base).mean() < 3
    assert np.abs(frames[-1].astype(int) - base).mean() > 6
    filled = [base] * 10 + [np.clip(base * 0.6, 0, 255).astype(np.uint8)] * 10
    np.testing.assert_allclose(gains((f, valid) for f in filled), 1.0, atol=0.01)


def test_what_the_camera_clipped_is_not_darker_for_being_overexposed() -> None:
    sky = np.array([300.0, 190.0, 110.0])
    exposures = np.linspace(0.9, 1.15, 6)
    frames = [np.clip(np.full((4, 4, 3), sky * e), 0, 255).astype(np.uint8) for e in exposures]
    evened = [apply_gain(f, np.full(3, 1 / e)) for f, e in zip(frames, exposures, strict=True)]
    assert np.ptp(np.stack(evened).astype(int), axis=0).max() <= 2
    dim = apply_gain(np.full((2, 2, 3), 240, np.uint8), np.full(3, 0.5))
    assert (dim == 120).all(), "what is not clipped is evened as ever"


def test_what_is_clipped_only_in_light_frames_looks_as_it_does_in_others() -> None:
    exposures = np.array([1.0] * 10 + [1.4] * 6)
    scene = np.full((6, 8, 3), 200.0)
    scene[:, :2] = 400.0
    frames = np.clip(scene * exposures[:, None, None, None], 0, 255).astype(np.uint8)
    evening = np.repeat(1 / exposures[:, None], 3, axis=1).astype(np.float32)
    hidden, looks = recover_overexposed(frames, np.ones(frames.shape[:3], bool), evening)
    assert hidden[10:, :, 2:].all(), "a white canvas that is clipped for a while"
    assert (looks[hidden] == 200).all()
    assert not hidden[:10].any()
    assert not hidden[:, :, :2].any(), "what is clipped in every light looks like that"


def test_what_is_painted_while_it_is_clipped_looks_as_it_does_after() -> None:
    exposures = np.array([1.0] * 12 + [1.4] * 3 + [1.0] * 9)
    paint = np.array([60.0] * 13 + [200.0] * 11)
    frames = np.clip(paint * exposures, 0, 255).astype(np.uint8)
    frames = np.repeat(frames[:, None], 12, axis=1).reshape(-1, 2, 2, 3)
    evening = np.repeat(1 / exposures[:, None], 3, axis=1).astype(np.float32)
    hidden, looks = recover_overexposed(frames, np.ones(frames.shape[:3], bool), evening)
    assert hidden[:, 0, 0].tolist() == [n in (13, 14) for n in range(24)]
    assert (looks[hidden] == 200).all()
