"""How far labelers agree with each other, with people, and people among themselves.

Two labels agree when their normal forms are the same. Cohen's kappa takes off what two labelers
with these word frequencies would agree on by chance (Cohen 1960): 1 is always, 0 is as by chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from labeling.corrections.corrections import Correction
from labeling.instructions.table import Instruction
from labeling.instructions.wording import normalise

REJECTED = "(rejected)"
NUM_BINS = 5
MAX_CONFUSIONS = 12


@dataclass(frozen=True)
class Agreement:
    """Two who labeled the same pairs."""

    first: str
    second: str
    num_pairs: int
    same: float
    """Share of the pairs with the same instruction, in [0, 1]."""
    overlap: float
    """Share with at least one common word."""
    kappa: float | None
    """Cohen's kappa of "the same"; None where chance alone explains everything."""


@dataclass(frozen=True)
class ConfidenceBin:
    """Decided pairs whose machine confidence lies in [low, high)."""

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
    """Everything about agreement that the page and the report show."""

    labelers: list[Agreement]
    humans: list[Agreement]
    machine_and_humans: list[Agreement]
    """The labeler of the table against what holds by people, over the decided pairs."""
    bins: list[ConfidenceBin]
    confusions: list[Confusion]


def measure_agreement(
    table: Mapping[str, Instruction],
    answers: Mapping[str, Mapping[str, str]],
    decided: Mapping[str, Correction],
    people: Mapping[str, Mapping[str, Correction]],
) -> AgreementReport:
    """Agreement over all pairs of a dataset; everything is by pair id, about today's images.

    Args:
        table: the machine's label in use.
        answers: normalised instruction of every labeler that was asked, by labeler.
        decided: what holds by people.
        people: every reviewer's last decision, by reviewer.
    """
    both = [(table[pair_id], said) for pair_id, said in decided.items() if pair_id in table]
    words = [(label.labeler, label.text, human_text(said)) for label, said in both]
    by_labeler: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for labeler, machine, human in words:
        by_labeler[labeler].append((machine, human))
    changed = Counter((machine, human) for _, machine, human in words if machine != human)
    return AgreementReport(
        labelers=_between(answers),
        humans=_between(
            {p: {i: human_text(c) for i, c in said.items()} for p, said in _by_person(people)}
        ),
        machine_and_humans=[
            agreement(labeler, "people", pairs) for labeler, pairs in sorted(by_labeler.items())
        ],
        bins=_bins([(label.confidence, human_text(said) == label.text) for label, said in both]),
        confusions=[Confusion(*k, count=n) for k, n in changed.most_common(MAX_CONFUSIONS)],
    )


def agreement(first: str, second: str, pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Of two labelers whose instructions of the same pairs are given together; not empty."""
    number = len(pairs)
    same = sum(a == b for a, b in pairs) / number
    overlap = sum(a == b or bool(_words(a) & _words(b)) for a, b in pairs) / number
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(left[word] * right[word] for word in left) / number**2
    kappa = None if chance >= 1 else (same - chance) / (1 - chance)
    return Agreement(first, second, number, same, overlap, kappa)


def human_text(said: Correction) -> str:
    """A person's decision as an instruction, in normal form."""
    return REJECTED if said.verdict == "reject" else normalise(said.instruction)


def _between(said: Mapping[str, Mapping[str, str]]) -> list[Agreement]:
    """Of all who labeled at least one pair in common."""
    found = []
    for first, second in combinations(sorted(said), 2):
        common = [(text, said[second][i]) for i, text in said[first].items() if i in said[second]]
        if common:
            found.append(agreement(first, second, common))
    return found


def _by_person(
    people: Mapping[str, Mapping[str, Correction]],
) -> Iterable[tuple[str, dict[str, Correction]]]:
    found: dict[str, dict[str, Correction]] = defaultdict(dict)
    for pair_id, said in people.items():
        for person, correction in said.items():
            found[person][pair_id] = correction
    return found.items()


def _bins(judged: Sequence[tuple[float, bool]]) -> list[ConfidenceBin]:
    bins = []
    for number in range(NUM_BINS):
        low, high = number / NUM_BINS, (number + 1) / NUM_BINS
        is_last = number == NUM_BINS - 1
        right = [ok for conf, ok in judged if low <= conf and (conf < high or is_last)]
        if right:
            bins.append(ConfidenceBin(low, high, len(right), sum(right) / len(right)))
    return bins


def _words(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")}
