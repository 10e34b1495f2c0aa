"""The prompts are the paper's, and pair images keep every pixel."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.instructions.vision_language.prompts import (
    ANNOTATE,
    INSTRUCT,
    conversation,
    pad_to_square,
    pair_image,
)


def test_prompts_are_the_papers_word_for_word() -> None:
    assert INSTRUCT.text == (
        "There are two images side by side. The left image is an intermediate stage in a painting "
        "process of the right image. Please tell me what content should be painted next? The "
        "answer should be less than 2 words."
    )
    assert ANNOTATE.text == (
        "There are two images side by side. The right image is the next step of the left image in "
        "the painting process of a painting. Please tell me what is added to right image? The "
        "answer should be less than 2 words."
    )
    assert INSTRUCT.version != ANNOTATE.version


def test_conversation_has_one_image_before_the_question() -> None:
    text = conversation(INSTRUCT)
    assert text.count("<image>") == 1
    assert text.index("USER:") < text.index("<image>") < text.index(INSTRUCT.text)
    assert text.endswith("ASSISTANT:")


def test_pair_image_puts_the_current_canvas_left_without_a_gap() -> None:
    left, right = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 200, np.uint8)
    pair = pair_image(left, right)
    assert pair.shape == (4, 12, 3)
    assert (pair[:, :6] == 0).all()
    assert (pair[:, 6:] == 200).all()


def test_a_pair_of_two_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        pair_image(np.zeros((4, 6, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


@pytest.mark.parametrize("shape", [(4, 11, 3), (11, 4, 3), (5, 5, 3)])
def test_padding_keeps_every_pixel(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(1, 255, shape, np.uint8)
    square = pad_to_square(image, (0.0, 0.0, 0.0))
    side = max(shape)
    assert square.shape == (side, side, 3)
    assert np.array_equal(np.sort(square[square > 0]), np.sort(image.ravel()))
