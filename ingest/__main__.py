"""``python -m ingest VIDEOS... -o DATASET``: makes keyframes of a canvas from videos."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.conventions import cli

if TYPE_CHECKING:
    from ingest.ledger.outcome import VideoOutcome
    from ingest.run.intake import RunOptions
    from ingest.run.tally import RunResult
    from ingest.settings import IngestConfig

app = cli.new_app("Time-lapse videos of painters in, clean canvas keyframes with times out.")

InputArgument = Annotated[
    list[str],
    typer.Argument(
        help="Videos, folders, globs, manifests (.csv, .jsonl), folders of pictures with times",
        metavar="VIDEOS...",
    ),
]
DatasetArgument = Annotated[Path, typer.Argument(help="The dataset folder", metavar="DATASET")]
DatasetOption = Annotated[
    Path, typer.Option("--output", "-o", help="The dataset folder", metavar="DATASET")
]


@app.command("run")
def run_command(
    inputs: InputArgument,
    output: DatasetOption,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in an earlier run")
    ] = False,
    strict_rights: Annotated[
        bool, typer.Option("--strict-rights", help="Refuse videos without licence or source")
    ] = False,
    config: cli.ConfigOption = None,
    set_: cli.SetOption = None,
    dry_run: cli.DryRunOption = False,
    json_: cli.JsonOption = None,
    ray_address: cli.RayAddressOption = None,
) -> None:
    """Ingest videos into a dataset folder. Run the same command again to continue.

    `python -m ingest VIDEOS... -o DATASET` is short for `python -m ingest run ...`.
    """
    from ingest.conventions.config import load_section, to_yaml
    from ingest.conventions.unused_settings import refuse_unused_keys, refuse_unused_options
    from ingest.run.intake import RunOptions
    from ingest.settings import IngestConfig, unused_keys

    settings = load_section("ingest", IngestConfig, config, set_)
    refuse_unused_keys(set_, unused_keys(settings))
    if dry_run:
        refuse_unused_options("--dry-run", {"--json": json_, "--retry-failed": retry_failed})
        print(to_yaml(settings, "ingest"))
        _print_plan(inputs, output, settings)
        return
    options = RunOptions(ray_address, retry_failed, strict_rights)
    result = _run(inputs, output, settings, options)
    cli.write_result(json_, _as_json(result))
    if result.failed_share() > settings.max_failed_share:
        raise typer.Exit(cli.EXIT_TOO_MANY_REFUSED)


@app.command("trace")
def trace_command(
    dataset: DatasetArgument,
    sample: Annotated[
        str,
        typer.Argument(
            help="Key of a sample or keyframe, or any name of a video", metavar="SAMPLE"
        ),
    ],
    json_: cli.JsonOption = None,
) -> None:
    """Say where a sample comes from: video, frames, times, crop, licence, labels, shards."""
    from ingest.format.dataset import Dataset
    from ingest.ledger.trace import as_lines, trace

    found = trace(Dataset.existing(dataset), sample)
    print("\n".join(as_lines(found)))
    cli.write_result(json_, found)


@app.command("purge")
def purge_command(
    dataset: DatasetArgument,
    video: Annotated[
        str, typer.Argument(help="A video's file name, path, address or id", metavar="VIDEO")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be taken away, do nothing")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let the next run take it in again")] = False,
) -> None:
    """Take a video out for good: keyframes, labels, corrections, and the shards that hold it."""
    from ingest.conventions.unused_settings import refuse_unused_options
    from ingest.format.dataset import Dataset
    from ingest.run.purge import plan_purge, purge, undo_purge

    if undo:
        refuse_unused_options("--undo", {"--dry-run": dry_run})
    place = Dataset.existing(dataset)
    if undo:
        print(f"video {undo_purge(place, video)} will be taken in again by the next run")
        return
    plan = plan_purge(place, video)
    for line in plan.lines():
        print(line)
    if dry_run:
        return
    purge(place, plan)
    print(f"purged {plan.video_id} ({plan.uri}); it is not ingested again")
    if plan.shards:
        print(f"now rebuild the shards: python -m labeling shards {dataset}")


@app.command("report")
def report_command(dataset: DatasetArgument) -> None:
    """Write DATASET/report.html anew from what the dataset holds."""
    from ingest.format.dataset import Dataset
    from ingest.report.page import write_report

    path = write_report(Dataset.existing(dataset))
    print(f"wrote {path}")


def _run(inputs: list[str], output: Path, settings: IngestConfig, options: RunOptions) -> RunResult:
    """Run with a progress bar, one line per source, and a summary at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ingest.pipeline import run
    from ingest.run.console import line_of, print_summary

    console = Console(highlight=False, soft_wrap=True)
    columns = (TextColumn("ingest"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        # The number of rows is unknown until the last one is read.
        task = progress.add_task("ingest", total=None)

        def listen(outcome: VideoOutcome, is_kept: bool) -> None:
            progress.advance(task)
            console.print(line_of(outcome, is_kept))

        result = run(inputs, output, settings, options, listen)
    print_summary(console, result, output)
    return result


def _print_plan(inputs: list[str], output: Path, settings: IngestConfig) -> None:
    from ingest.sources.discover import BadRow, discover

    number = 0
    for row in discover(inputs, settings.remote):
        number += 1
        print(f"  {'skip ' + row.detail if isinstance(row, BadRow) else row.uri}")
    print(f"plan: {number} sources into {output}")


def _as_json(result: RunResult) -> dict[str, object]:
    return {
        "counts": result.counts(),
        "reasons": result.reasons(),
        "frames_dropped": result.frame_funnel(),
        "skipped_because_done": result.num_skipped,
        "warnings": result.warnings,
    }


def main() -> None:
    """Run the command line; without a sub-command the arguments are those of `run`."""
    names = {command.name for command in app.registered_commands}
    if len(sys.argv) > 1 and sys.argv[1] not in names | {"-h", "--help"}:
        sys.argv.insert(1, "run")
    cli.run_app(app)


if __name__ == "__main__":
    main()
