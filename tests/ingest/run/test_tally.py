"""Counts of a run, and the sources that a person should look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from ingest.ledger.outcome import VideoOutcome
from ingest.run.console import print_summary
from ingest.run.tally import MAX_DOUBTFUL, RunResult


def kept(name: str, suspicion: float, *warnings: str) -> VideoOutcome:
    return VideoOutcome(
        video_id=name, uri=f"{name}.mp4", painting_id="p", status="kept",
        suspicion=suspicion, warnings=warnings,
    )  # fmt: skip


def test_the_end_names_doubtful_sources_most_doubtful_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = RunResult()
    for outcome in (kept("fine", 0.0), kept("a", 0.0, "much cover: 28%"), kept("b", 0.9)):
        result.add(outcome)
    print_summary(Console(soft_wrap=True), result, Path("d"))
    end = capsys.readouterr().out.partition("look at these")[2]
    assert end.index("b.mp4: a hand or tool may show  d/report.html#b") < end.index(
        "a.mp4: much cover: 28%  d/report.html#a"
    )
    assert "fine" not in end


def test_few_doubtful_sources_are_held_and_retracted_ones_are_dropped() -> None:
    result = RunResult()
    outcomes = [kept(f"{number:02d}", number / 100, "w: x") for number in range(50)]
    for outcome in outcomes:
        result.add(outcome)
    assert len(result.doubtful) == MAX_DOUBTFUL
    assert result.most_doubtful()[0] == outcomes[-1]
    result.add(outcomes[-1], -1)
    assert result.most_doubtful()[0] == outcomes[-2]
