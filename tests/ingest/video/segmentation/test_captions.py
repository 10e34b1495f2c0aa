"""Captions: detected with hands and paint behind them, without false detections."""

import cv2
import numpy as np

from ingest.video.segmentation.captions import Caption, find_captions

HEIGHT, WIDTH, NUMBER = 240, 320, 80


def _film() -> list[np.ndarray]:
    """A canvas that is painted from the left, with an arm in front of it in two of three frames."""
    rng = np.random.default_rng(5)
    ground = cv2.resize(rng.integers(150, 220, (24, 32, 3), np.uint8), (WIDTH, HEIGHT))
    painted = cv2.resize(rng.integers(30, 200, (24, 32, 3), np.uint8), (WIDTH, HEIGHT))
    frames = []
    for n in range(NUMBER):
        frame, done = ground.copy(), n * WIDTH // NUMBER
        frame[:, :done] = painted[:, :done]
        if n % 3:
            cv2.line(frame, (done, 170 + n % 7), (WIDTH, HEIGHT), (205, 150, 120), 24)
        noisy = frame.astype(np.int16) + rng.integers(-3, 4, frame.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return frames


def _captioned(frames: list[np.ndarray], first: int, last: int) -> list[np.ndarray]:
    """The frames with a caption from `first` to `last`."""
    frames = [frame.copy() for frame in frames]
    for frame in frames[first : last + 1]:
        frame[190:216, 40:280] = (0.45 * frame[190:216, 40:280] + 9).astype(np.uint8)
        cv2.putText(
            frame, "Two thin layers first", (52, 209), 0, 0.6, (250, 250, 250), 1, cv2.LINE_AA
        )
    return frames


def _find(frames: list[np.ndarray]) -> tuple[Caption, ...]:
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return find_captions(greys, lambda n: cv2.absdiff(greys[n - 1], greys[n + 1]))


def test_a_caption_is_found_whatever_moves_and_is_painted_behind_it() -> None:
    found = _find(_captioned(_film(), 31, 39))
    assert found
    covered = np.zeros((NUMBER, HEIGHT, WIDTH), bool)
    for caption in found:
        covered[caption.first : caption.last + 1] |= caption.area((HEIGHT, WIDTH))
    assert covered[31:40, 190:216, 40:280].mean() > 0.97
    assert not covered[:29].any()
    assert not covered[42:].any()
    assert not covered[:, :182].any()
    assert not covered[:, 224:].any()


def test_a_film_without_captions_has_none() -> None:
    assert _find(_film()) == ()


def test_letters_that_stay_are_no_caption() -> None:
    assert _find(_captioned(_film(), 30, NUMBER - 1)) == ()
    assert _find(_captioned(_film(), NUMBER - 7, NUMBER - 1)) == ()


def test_a_long_stroke_that_is_painted_over_is_no_caption() -> None:
    frames = _film()
    for n in range(20, 28):
        frames[n][100:112, 60:260] = (40, 60, 150)
    for n in range(28, NUMBER):
        frames[n][90:130, 60:260] = (60, 120, 60)
    assert _find(frames) == ()
