"""Checks many combinations and counts them by kind (``make faults``).

``python -m tests.ingest.per_source.combinations.count --number 300 --json FILE`` prints for each
container, codec, pixel format and so on how many gave the keyframes of the plain film, how many
were refused for which documented reason, and how many did neither. Exit code 1 if more than a tenth
did.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from ingest.conventions import atomic
from tests.ingest.per_source.combinations.check import check, combination_id, is_folder
from tests.ingest.per_source.combinations.findings import Finding

SAME = "same"
WRONG = "wrong"
ALLOWED_WRONG = 0.1
"""Share that may be wrong. The films are small (208 x 160 px), so that 300 take minutes, and noise
of an encoder now and then moves the outline of such a canvas, or leaves a sliver of a hand."""


def verdict(finding: Finding) -> str:
    """`same`, the documented reason of a refusal, or `wrong`."""
    return WRONG if finding.problems else finding.reason or SAME


def counts_by_kind(findings: Iterable[Finding]) -> dict[str, dict[str, Counter[str]]]:
    """Verdicts by what the inputs are: by property, then by its value. A folder counts once for
    each value that one of its pictures has."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for finding in findings:
        group = "folder" if is_folder(finding.index) else "film"
        counts["input"][group][verdict(finding)] += 1
        for kind, values in finding.kinds.items():
            for value in values.split(", ") if group == "folder" else [values]:
                counts[f"{group}: {kind}"][value][verdict(finding)] += 1
    return counts


def table(findings: list[Finding]) -> str:
    """The counts as a Markdown table: a row a value, a column a verdict."""
    verdicts = sorted({verdict(f) for f in findings} | {SAME, WRONG}, key=_order)
    lines = [f"| | | {' | '.join(verdicts)} |", "|---" * (len(verdicts) + 2) + "|"]
    for kind, values in counts_by_kind(findings).items():
        for value, counted in sorted(values.items()):
            cells = " | ".join(str(counted[v]) for v in verdicts)
            lines.append(f"| {kind} | {value} | {cells} |")
    return "\n".join(lines)


def _order(name: str) -> tuple[int, str]:
    return {SAME: 0, WRONG: 2}.get(name, 1), name


def _checked(index: int) -> Finding:
    """The verdict; an input that cannot be made is a problem of its own, and ends no run."""
    try:
        return check(index)
    except Exception:
        kinds = {"input": combination_id(index)}
        return Finding(index, kinds, problems=[traceback.format_exc()])


def _write_json(path: Path, findings: list[Finding], took_s: float) -> None:
    counts = counts_by_kind(findings)
    atomic.write_json(
        path,
        {
            "number": len(findings),
            "took_s": round(took_s, 1),
            "verdicts": Counter(verdict(f) for f in findings),
            "counts": {k: {v: dict(c) for v, c in values.items()} for k, values in counts.items()},
            "findings": [asdict(f) | {"id": combination_id(f.index)} for f in findings],
        },
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--number", type=int, default=300, help="combinations [300]")
    parser.add_argument("--first", type=int, default=0, help="index of the first one [0]")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--json", type=Path, help="file for the counts and all findings")
    options = parser.parse_args()
    began = time.monotonic()
    indices = range(options.first, options.first + options.number)
    findings = list[Finding]()
    # FFmpeg's encoders keep threads, which a fork would not take along.
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for finding in pool.imap(_checked, indices):
            findings.append(finding)
            for problem in finding.problems:
                print(f"{combination_id(finding.index)}: {problem}", file=sys.stderr, flush=True)
    print(table(findings))
    took_s = time.monotonic() - began
    verdicts = Counter(verdict(f) for f in findings)
    told = ", ".join(f"{verdicts[name]} {name}" for name in sorted(verdicts, key=_order))
    print(f"{len(findings)} combinations in {took_s:.0f} s: {told}")
    if options.json:
        _write_json(options.json, findings, took_s)
    return 1 if verdicts[WRONG] > ALLOWED_WRONG * len(findings) else 0


if __name__ == "__main__":
    sys.exit(main())
