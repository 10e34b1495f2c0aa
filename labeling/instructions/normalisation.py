"""Turns the free text of a labeler or a person into a canonical instruction of at most two words.

"Skies and a few Clouds." and "cloud, sky" both become "sky, cloud": lower case, singular, words of
`ingest.format.vocabulary` first and in its order, other words after them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ingest.format.vocabulary import VOCABULARY

MAX_WORDS = 2
"""Words of an instruction. The paper asks for "less than 2 words"; its labels have one or two."""
MAX_WORD_CHARACTERS = 40
"""Longer words are cut off."""

SYNONYMS = {
    "backdrop": "background", "underpainting": "background", "wash": "background",
    "outline": "sketch", "drawing": "sketch", "line": "sketch",
    "sunset": "sky", "sunrise": "sky", "sunlight": "sun",
    "peak": "mountain", "cliff": "mountain", "hillside": "hill", "dune": "hill",
    "land": "ground", "earth": "ground", "soil": "ground", "dirt": "ground", "sand": "ground",
    "beach": "ground", "shore": "ground", "foreground": "ground", "meadow": "field",
    "road": "path", "trail": "path", "pathway": "path", "street": "path",
    "lake": "water", "river": "water", "sea": "water", "ocean": "water", "pond": "water",
    "stream": "water", "wave": "water", "waterfall": "water",
    "stone": "rock", "boulder": "rock",
    "forest": "tree", "wood": "tree", "pine": "tree", "palm": "tree", "trunk": "tree",
    "branch": "tree", "treeline": "tree", "shrub": "bush", "hedge": "bush",
    "home": "house", "cottage": "house", "cabin": "house", "hut": "house", "barn": "house",
    "building": "house", "sailboat": "boat", "ship": "boat", "canoe": "boat",
    "lawn": "grass", "blossom": "flower", "rose": "flower", "lavender": "flower",
    "tulip": "flower", "daisy": "flower", "poppy": "flower",
    "seagull": "bird", "gull": "bird",
    "person": "figure", "people": "figure", "man": "figure", "woman": "figure",
    "detail": "details", "highlight": "details", "texture": "details", "touch": "details",
}  # fmt: skip
"""The word of the vocabulary for other words, in singular."""

FILLER = frozenset({
    "a", "an", "the", "some", "more", "few", "several", "of", "in", "on", "to", "at", "with", "for",
    "from", "by", "is", "are", "be", "has", "have", "been", "it", "its", "this", "that", "these",
    "those", "there", "also", "too", "then", "right", "left", "image", "picture", "canvas",
    "painting", "paint", "painted", "painter", "add", "added", "adding", "color", "colour",
    "content", "next", "new", "final", "finishing", "part", "area",
})  # fmt: skip
"""Words without meaning for an instruction; they are left out."""

_SEPARATORS = re.compile(r"[,;/&+\n|]|\band\b|\bor\b")
"""What separates the parts of an answer."""
_IRREGULAR = {"leaves": "leaf", "men": "man", "women": "woman"}
"""Singular of irregular plurals."""


@dataclass(frozen=True)
class Reading:
    """What becomes of a text."""

    text: str
    """The canonical instruction; empty if the text names nothing."""
    left_out: tuple[str, ...]
    """Words of the text, in singular, that the instruction lacks; without `FILLER`."""
    new_words: tuple[str, ...]
    """Parts of the instruction that are not in the vocabulary."""


def normalise(text: str) -> str:
    """The canonical instruction, or "" if the text names nothing.

    A part with words of the vocabulary keeps only those ("snowy mountains" becomes "mountain"); a
    part without keeps its own words. The function is idempotent.
    """
    return read_instruction(text).text


def read_instruction(text: str) -> Reading:
    """The canonical instruction of a text (see `normalise`), and what of the text is not in it."""
    known: set[str] = set()
    unknown: list[list[str]] = []
    left_out: list[str] = []
    for part in _SEPARATORS.split(_fold(text)):
        words = [word for word in map(_singular, part.split()) if word not in FILLER]
        named = [SYNONYMS.get(word, word) for word in words]
        in_vocabulary = [word for word in named if word in VOCABULARY]
        if in_vocabulary:
            known.update(in_vocabulary)
            left_out += [word for word in named if word not in VOCABULARY]
        elif words:
            unknown.append(words[:MAX_WORDS])
            left_out += words[MAX_WORDS:]
    chosen = [[word] for word in VOCABULARY if word in known] + sorted(unknown)
    result: list[str] = []
    num_words_left = MAX_WORDS
    for words in chosen:
        name = " ".join(words)
        if name in result:
            continue
        if len(words) <= num_words_left:
            result.append(name)
            num_words_left -= len(words)
        else:
            left_out.append(name)
    new = tuple(name for name in result if name not in VOCABULARY)
    return Reading(", ".join(result), tuple(dict.fromkeys(left_out)), new)


def _fold(text: str) -> str:
    """Lower case in Unicode form NFKC; all but letters, digits and separators become spaces."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(c if _is_word_character(c) or c in ",;/&+\n|" else " " for c in folded)
    return " ".join(word[:MAX_WORD_CHARACTERS] for word in re.split(r"[ ]+", kept))


def _is_word_character(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _singular(word: str) -> str:
    """English plural to singular, by rules that suffice for landscape nouns; idempotent."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]
