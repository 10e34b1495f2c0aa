"""Prints the progress of a run: one line per source, and the counts at the end."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.reasons import FRAME_REASONS, VIDEO_REASONS
from ingest.run.tally import RunResult

_STYLES = {"kept": "green", "refused": "yellow", "failed": "red"}
"""Colour by status."""


def line_of(outcome: VideoOutcome, is_reused: bool) -> str:
    """The outcome of a source as a line of rich markup; warnings follow on lines of their own.

    Args:
        is_reused: the outcome is that of an earlier run.
    """
    head = f"[{_STYLES[outcome.status]}]{outcome.status:7}[/] {escape(Path(outcome.uri).name)}"
    if outcome.status != "kept":
        return f"{head}: {escape(outcome.reason)}: {escape(outcome.detail)}"
    start, end = outcome.span_s or (0.0, 0.0)
    line = f"{head}: {outcome.num_keyframes} keyframes, {start:.1f}-{end:.1f} s"
    if is_reused:
        line += " (stood already)"
    return line + "".join(f"\n        [dim]{escape(w)}[/]" for w in outcome.warnings)


def print_summary(console: Console, result: RunResult, root: Path) -> None:
    """Print a table of sources by status and reason, and of frames by fate."""
    table = Table(title="What became of the input", title_justify="left", box=None)
    table.add_column("")
    table.add_column("number", justify="right")
    table.add_column("why", style="dim")
    table.add_row("sources", str(result.num_sources))
    for status, number in result.counts().items():
        table.add_row(f"  {status}", str(number))
    for reason, number in result.reasons().items():
        table.add_row(f"    {reason}", str(number), VIDEO_REASONS.get(reason, ""))
    dropped = result.frame_funnel()
    table.add_row("frames looked at", str(result.num_sampled_frames))
    table.add_row("  used in keyframes", str(result.num_sampled_frames - sum(dropped.values())))
    for reason, number in dropped.items():
        table.add_row(f"  {reason}", str(number), FRAME_REASONS.get(reason, ""))
    table.add_row("keyframes", str(result.num_keyframes))
    console.print(table)
    if result.num_skipped:
        console.print(f"{result.num_skipped} sources stood already and were not touched")
    _print_doubtful(console, result, root)
    for warning in result.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}")
    console.print(f"dataset: {root}   report: {root / 'report.html'}")


def _print_doubtful(console: Console, result: RunResult, root: Path) -> None:
    """Name the kept sources that a person should look at, with their places in the report."""
    doubtful = result.most_doubtful()
    if doubtful:
        console.print("look at these, most doubtful first:")
    for outcome in doubtful:
        why = "; ".join(outcome.warnings) or "a hand or tool may show"
        place = f"{root / 'report.html'}#{outcome.video_id}"
        console.print(f"  {escape(Path(outcome.uri).name)}: {escape(why)}  {escape(place)}")
