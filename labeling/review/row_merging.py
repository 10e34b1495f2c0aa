"""Merges the evaluated rows of an import with each other and with the log of corrections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labeling.corrections.corrections import Correction
from labeling.review.rows import RESOLVED_STATUSES, Status, describe_correction


@dataclass(frozen=True)
class EvaluatedRow:
    """A row of a file with the result of `evaluate_row`."""

    file: str
    line: int
    cells: dict[str, str]
    result: Correction | tuple[Status, str]


def merge_rows(
    rows: Sequence[EvaluatedRow], decided: dict[tuple[str, str], Correction], overrule: bool
) -> tuple[list[tuple[Status, str]], list[Correction]]:
    """Compare the rows with each other and with the log.

    Args:
        decided: the corrections in force.

    Returns:
        The status of every row, and the corrections that are applied or confirmed, in row order.
    """
    by_pair: dict[str, list[tuple[int, Correction]]] = defaultdict(list)
    results: list[tuple[Status, str]] = []
    for number, row in enumerate(rows):
        if isinstance(row.result, Correction):
            known = decided.get((row.result.pair_id, row.result.content_hash))
            # A spreadsheet has no masks: the painted mask in force is kept.
            mask = (
                known.mask_sha256 if known and row.result.verdict in ("accept", "correct") else ""
            )
            by_pair[row.result.pair_id].append((number, replace(row.result, mask_sha256=mask)))
            results.append(("unchanged", ""))
        else:
            results.append(row.result)
    applied: dict[int, Correction] = {}
    for corrections in by_pair.values():
        for number, result in _resolve_pair(rows, corrections, decided, overrule).items():
            results[number] = result
        applied.update({n: c for n, c in corrections if results[n][0] in RESOLVED_STATUSES})
    return results, [applied[number] for number in sorted(applied)]


def _resolve_pair(
    rows: Sequence[EvaluatedRow],
    corrections: Sequence[tuple[int, Correction]],
    decided: dict[tuple[str, str], Correction],
    overrule: bool,
) -> dict[int, tuple[Status, str]]:
    """The status of all rows about one pair, by their number.

    Args:
        corrections: number and correction of each of these rows.
    """
    (first, chosen), (last, latest) = corrections[0], corrections[-1]
    all_agree = all(correction.agrees_with(chosen) for _, correction in corrections)
    if not all_agree and not overrule:
        return {
            number: ("conflicting", _other_rows(rows, correction, corrections))
            for number, correction in corrections
        }
    number, chosen = (first, chosen) if all_agree else (last, latest)
    result = _compare_with_log(chosen, decided.get((chosen.pair_id, chosen.content_hash)), overrule)
    if result[0] not in RESOLVED_STATUSES:
        return {other: result for other, _ in corrections}
    where = f"{rows[number].file} line {rows[number].line} decides about this pair"
    return {other: result if other == number else ("unchanged", where) for other, _ in corrections}


def new_corrections(
    corrections: Iterable[Correction], people: dict[tuple[str, str], dict[str, Correction]]
) -> list[Correction]:
    """The corrections that the log lacks: new ones, new notes, and confirmations by others.

    Args:
        people: each reviewer's last correction of each pair; is updated.
    """
    new = []
    for ours in corrections:
        others = people.setdefault((ours.pair_id, ours.content_hash), {})
        previous = others.pop(ours.reviewer, None)
        if ours.verdict == "withdraw":
            if previous or others:
                new.append(ours)
            continue
        if (
            previous is None
            or not ours.agrees_with(previous)
            or ours.note not in ("", previous.note)
        ):
            new.append(ours)
            previous = ours
        others[ours.reviewer] = previous
    return new


def _compare_with_log(
    ours: Correction, known: Correction | None, overrule: bool
) -> tuple[Status, str]:
    """The status of a correction, given the one in force for its pair."""
    if known is None:
        if ours.verdict == "withdraw":
            return "unchanged", "nothing was said about this pair"
        return "applied", describe_correction(ours)
    if ours.agrees_with(known):
        if known.reviewer == ours.reviewer and ours.note not in ("", known.note):
            return "applied", f"{describe_correction(ours)} as before, with a note"
        by = "said so before" if known.reviewer == ours.reviewer else "said so, now confirmed"
        return "unchanged", f"{known.reviewer} {by}"
    if known.reviewer != ours.reviewer and not overrule:
        return "conflicting", f"{known.reviewer} said {describe_correction(known)} (see --overrule)"
    return "applied", f"{describe_correction(ours)}, before: {describe_correction(known)}"


def _other_rows(
    rows: Sequence[EvaluatedRow], ours: Correction, corrections: Iterable[tuple[int, Correction]]
) -> str:
    """A sentence that names the rows which disagree with a correction."""
    others = [
        f"{correction.reviewer} says {describe_correction(correction)} in {rows[number].file} line "
        f"{rows[number].line}"
        for number, correction in corrections
        if not correction.agrees_with(ours)
    ]
    return "; ".join(others) + ": keep one of them"
