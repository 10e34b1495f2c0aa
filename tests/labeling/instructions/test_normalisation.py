"""Normalisation of instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.format.vocabulary import VOCABULARY
from labeling.instructions.normalisation import MAX_WORDS, normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mountain, sky", "sky, mountain"),
        ("The sky and some Clouds.", "sky, cloud"),
        ("SKIES", "sky"),
        ("trees, trees and Tree", "tree"),
        ("snowy mountains", "mountain"),
        ("detail", "details"),
        ("details", "details"),
        ("a few finishing touches", "details"),
        ("lakes & pine forest", "water, tree"),
        ("grass", "grass"),
        ("houses/bushes", "bush, house"),
        ("sky, water, trees", "sky, water"),
        ("windmill", "windmill"),
        ("zebra, castle walls", "castle wall"),
        ("sky, castle wall, zebra", "sky, zebra"),
        ("A tree is added to the right image", "tree"),
        ("???", ""),
        ("", ""),
        ("the painting", ""),
        ("  Wasser \n", "wasser"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_the_vocabulary_is_normalised() -> None:
    assert [normalise(word) for word in VOCABULARY] == list(VOCABULARY)


words = st.sampled_from([*VOCABULARY, "Trees", "the", "and", ",", "windmills", "Lake", "Éclairs"])


@given(st.one_of(st.text(), st.lists(words).map(" ".join)))
def test_normalise_is_idempotent(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.one_of(st.text(), st.lists(words).map(" ".join)))
def test_instructions_are_short_and_without_special_characters(text: str) -> None:
    once = normalise(text)
    assert len(once.replace(",", " ").split()) <= MAX_WORDS
    assert len(once) <= 200
    assert once == once.strip()
    assert not set(once) & set("\n\r\t;|=@")


@given(st.permutations(["sky", "trees", "windmill"]))
def test_order_of_words_does_not_matter(order: list[str]) -> None:
    assert normalise(", ".join(order)) == "sky, tree"
