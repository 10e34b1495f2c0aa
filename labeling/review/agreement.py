"""Measures agreement between labelers, between people, and between labelers and people.

Two labels agree if their normalised instructions are equal. Cohen's kappa (Cohen 1960) corrects for
agreement by chance given the word frequencies: 1 is perfect, 0 is as by chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from labeling.corrections.corrections import Correction
from labeling.instructions.normalisation import normalise
from labeling.instructions.table import Instruction

REJECTED = "(rejected)"
"""Stands for the instruction of a rejected pair."""
NUM_BINS = 5
"""Bins of the machine's confidence over [0, 1]."""
MAX_CONFUSIONS = 12
"""Most frequent confusions that are reported."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of two labelers or people on the pairs that both labeled."""

    first: str
    second: str
    num_pairs: int
    same: float
    """Share of the pairs with the same instruction, in [0, 1]."""
    overlap: float
    """Share of the pairs with at least one common word, in [0, 1]."""
    kappa: float | None
    """Cohen's kappa of equal instructions; None if chance agreement is 1."""


@dataclass(frozen=True)
class ConfidenceBin:
    """Corrected or accepted pairs whose machine confidence is in [low, high)."""

    low: float
    high: float
    num_pairs: int
    right: float
    """Share in which people kept the machine's instruction, in [0, 1]."""


@dataclass(frozen=True)
class Confusion:
    """How often people changed one instruction to another."""

    machine: str
    human: str
    count: int


@dataclass(frozen=True)
class AgreementReport:
    """All measures of agreement that the review page and the report show."""

    labelers: list[Agreement]
    humans: list[Agreement]
    machine_and_humans: list[Agreement]
    """Labelers of the table against the corrections in force."""
    bins: list[ConfidenceBin]
    confusions: list[Confusion]


def measure_agreement(
    table: Mapping[str, Instruction],
    answers: Mapping[str, Mapping[str, str]],
    decided: Mapping[str, Correction],
    people: Mapping[str, Mapping[str, Correction]],
) -> AgreementReport:
    """Measure agreement over all pairs of a dataset.

    Args:
        table: the machine's labels, by pair id.
        answers: normalised instructions, by labeler and pair id.
        decided: corrections in force, by pair id.
        people: every reviewer's last correction, by pair id and reviewer.
    """
    both = [
        (table[pair_id], correction) for pair_id, correction in decided.items() if pair_id in table
    ]
    words = [(label.labeler, label.text, human_text(correction)) for label, correction in both]
    by_labeler: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for labeler, machine, human in words:
        by_labeler[labeler].append((machine, human))
    changed = Counter((machine, human) for _, machine, human in words if machine != human)
    return AgreementReport(
        labelers=_pairwise_agreement(answers),
        humans=_pairwise_agreement(_texts_by_reviewer(people)),
        machine_and_humans=[
            agreement(labeler, "people", pairs) for labeler, pairs in sorted(by_labeler.items())
        ],
        bins=_bins([(label.confidence, human_text(c) == label.text) for label, c in both]),
        confusions=[Confusion(*k, count=n) for k, n in changed.most_common(MAX_CONFUSIONS)],
    )


def agreement(first: str, second: str, pairs: Sequence[tuple[str, str]]) -> Agreement:
    """The agreement of two labelers.

    Args:
        pairs: the instructions of both labelers for each pair; at least one.
    """
    number = len(pairs)
    same = sum(a == b for a, b in pairs) / number
    overlap = sum(a == b or bool(_words(a) & _words(b)) for a, b in pairs) / number
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(left[word] * right[word] for word in left) / number**2
    kappa = None if chance >= 1 else (same - chance) / (1 - chance)
    return Agreement(first, second, number, same, overlap, kappa)


def human_text(correction: Correction) -> str:
    """The normalised instruction of a correction, or `REJECTED`."""
    return REJECTED if correction.verdict == "reject" else normalise(correction.instruction)


def _pairwise_agreement(texts: Mapping[str, Mapping[str, str]]) -> list[Agreement]:
    """The agreement of all two labelers with at least one pair in common.

    Args:
        texts: normalised instructions, by labeler and pair id.
    """
    agreements = []
    for first, second in combinations(sorted(texts), 2):
        common = [
            (text, texts[second][pair_id])
            for pair_id, text in texts[first].items()
            if pair_id in texts[second]
        ]
        if common:
            agreements.append(agreement(first, second, common))
    return agreements


def _texts_by_reviewer(
    people: Mapping[str, Mapping[str, Correction]],
) -> dict[str, dict[str, str]]:
    """Normalised instructions by reviewer and pair id, from corrections by pair id and reviewer."""
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for pair_id, corrections in people.items():
        for reviewer, correction in corrections.items():
            texts[reviewer][pair_id] = human_text(correction)
    return texts


def _bins(judged: Sequence[tuple[float, bool]]) -> list[ConfidenceBin]:
    """Accuracy by confidence.

    Args:
        judged: for each pair its confidence, and whether people kept the machine's label.
    """
    bins = []
    for number in range(NUM_BINS):
        low, high = number / NUM_BINS, (number + 1) / NUM_BINS
        is_last = number == NUM_BINS - 1
        right = [kept for conf, kept in judged if low <= conf and (conf < high or is_last)]
        if right:
            bins.append(ConfidenceBin(low, high, len(right), sum(right) / len(right)))
    return bins


def _words(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")}
