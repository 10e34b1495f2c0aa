"""The command line: ``python -m labeling regions|instructions|review|shards|migrate|report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.conventions.cli import (
    EXIT_TOO_MANY_REFUSED,
    ConfigOption,
    DryRunOption,
    JsonOption,
    RayAddressOption,
    SetOption,
    new_app,
    run_app,
    write_result,
)
from ingest.conventions.unused_settings import refuse_unused_options

app = new_app("Label the pairs of a dataset, let people correct them, build training shards.")
review = new_app("Correct labels in a spreadsheet or in the browser.")
app.add_typer(review, name="review")

DatasetArgument = Annotated[
    Path,
    typer.Argument(help="Folder that ingest made", metavar="DATASET", show_default=False),
]


@app.command()
def regions(
    dataset: DatasetArgument,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
    ray_address: RayAddressOption = None,
) -> None:
    """Mark where each step paints (LPIPS above 0.2) and where work is left."""
    _stage("regions", dataset, config, set, dry_run, json, ray_address)


@app.command()
def instructions(
    dataset: DatasetArgument,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
    ray_address: RayAddressOption = None,
) -> None:
    """Name what each step paints, by built-in rules or a vision-language model."""
    _stage("instructions", dataset, config, set, dry_run, json, ray_address)


@app.command()
def shards(
    dataset: DatasetArgument,
    check: Annotated[
        bool, typer.Option("--check", help="Verify the hashes of the shards, build nothing")
    ] = False,
    diff: Annotated[
        Path | None,
        typer.Option("--diff", help="Tell what differs from the shards there", metavar="FOLDER"),
    ] = None,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
    ray_address: RayAddressOption = None,
) -> None:
    """Build the shards that training streams, from keyframes, labels and corrections."""
    building = {
        "--config": config, "--set": set, "--dry-run": dry_run, "--ray-address": ray_address,
    }  # fmt: skip
    if check:
        refuse_unused_options("--check", {"--diff": diff, **building})
        _check(dataset, json)
    elif diff is not None:
        refuse_unused_options("--diff", building)
        _diff(dataset, diff, json)
    else:
        _stage("shards", dataset, config, set, dry_run, json, ray_address)


@app.command()
def migrate(dataset: DatasetArgument, json: JsonOption = None) -> None:
    """Bring shards of an older minor version up to today's; the tars stay as they are."""
    from ingest.format.dataset import Dataset
    from labeling.shards.migrate import migrate as migrate_shards

    result = migrate_shards(Dataset(dataset))
    print(f"migrate: {result['samples']} samples, index {result['from']} -> {result['to']}")
    write_result(json, result)


@app.command()
def report(dataset: DatasetArgument, config: ConfigOption = None, set: SetOption = None) -> None:
    """Write labels.html: every pair with its mask and instruction, and what labels there are."""
    from ingest.conventions.config import load_section
    from ingest.conventions.unused_settings import refuse_unused_keys
    from ingest.format.dataset import Dataset
    from labeling.report import write_report
    from labeling.settings import LabelingConfig, unused_keys

    settings = load_section("labeling", LabelingConfig, config, set)
    refuse_unused_keys(set, unused_keys("report", settings))
    print(f"report: {write_report(Dataset.existing(dataset), settings.report)}")


@review.command()
def export(
    dataset: DatasetArgument,
    out: Annotated[Path, typer.Option("-o", "--out", help="CSV to write", metavar="FILE.csv")],
    config: ConfigOption = None,
    set: SetOption = None,
    json: JsonOption = None,
) -> None:
    """Write labels as a CSV for a spreadsheet, most doubtful first, with thumbnails beside it."""
    from ingest.conventions.config import load_section
    from ingest.conventions.unused_settings import refuse_unused_keys
    from ingest.format.dataset import Dataset
    from labeling.review.spreadsheet_export import export_review
    from labeling.settings import LabelingConfig, unused_keys

    settings = load_section("labeling", LabelingConfig, config, set)
    refuse_unused_keys(set, unused_keys("review", settings))
    rows, unlabeled = export_review(Dataset.existing(dataset), out, settings.review)
    print(f"review: {rows} pairs in {out}; fill corrected or verdict, then import it again")
    if unlabeled:
        print(f"{unlabeled} pairs have no labels: python -m labeling instructions {dataset}")
    write_result(json, {"rows": rows, "unlabeled": unlabeled})


@review.command("import")
def import_(
    dataset: DatasetArgument,
    files: Annotated[
        list[Path], typer.Argument(help="CSVs from `review export`", metavar="FILE.csv...")
    ],
    reviewer: Annotated[
        list[str] | None,
        typer.Option(
            help="Name for rows without one; once for all files or once a file, in their order",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    overrule: Annotated[
        bool, typer.Option("--overrule", help="Let these files win over other reviewers")
    ] = False,
    left: Annotated[
        Path | None,
        typer.Option("--left", help="Write the rows that were not applied here", metavar="CSV"),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Of files that are not Unicode, such as cp1251", show_default=False),
    ] = None,
    new_words: Annotated[
        bool, typer.Option("--new-words", help="Take words that are not in the vocabulary")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be stored, write nothing")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Take corrections from CSVs into review/corrections.csv and say what became of each row."""
    from labeling.review.console import run_import
    from labeling.review.spreadsheet_import import ImportOptions

    if dry_run:
        refuse_unused_options("--dry-run", {"--left": left})
    options = ImportOptions(overrule, encoding, new_words, left, dry_run)
    is_complete = run_import(dataset, files, reviewer or [""], options, json)
    if not is_complete:
        raise typer.Exit(EXIT_TOO_MANY_REFUSED)


@review.command()
def serve(
    dataset: DatasetArgument,
    reviewer: Annotated[
        str, typer.Option(help="Your name in the log [your login name]", metavar="NAME")
    ] = "",
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one")] = 8765,
) -> None:
    """Correct labels and masks in the browser, on a page that only this machine can reach."""
    from ingest.format.dataset import Dataset
    from labeling.review.server import serve_review

    serve_review(Dataset.existing(dataset), reviewer, port)


def _check(dataset: Path, json: Path | None) -> None:
    """Verify the shards against index.json and print every problem."""
    from ingest.format.dataset import Dataset
    from labeling.shards.index import check_shards, read_index

    problems = check_shards(Dataset(dataset))
    for problem in problems:
        print(problem)
    if not problems:
        print(f"shards: all {len(read_index(Dataset(dataset)).shards)} agree with index.json")
    write_result(json, {"problems": problems})
    if problems:
        raise typer.Exit(EXIT_TOO_MANY_REFUSED)


def _diff(dataset: Path, other: Path, json: Path | None) -> None:
    """Print what differs between the shards of two datasets (or two folders of shards)."""
    from labeling.shards.builds import diff_builds
    from labeling.shards.diff import as_json, summary

    changes = diff_builds(other, dataset)
    for line in summary(changes, limit=1000):
        print(line)
    write_result(json, as_json(changes))


def _stage(
    stage: str,
    dataset: Path,
    config: Path | None,
    overrides: list[str] | None,
    dry_run: bool,
    json: Path | None,
    ray_address: str | None,
) -> None:
    """Run one stage over the whole dataset, or print its plan if `dry_run`."""
    from ingest.conventions.config import load_section
    from ingest.conventions.unused_settings import refuse_unused_keys
    from labeling import pipeline
    from labeling.settings import LabelingConfig, unused_keys

    settings = load_section("labeling", LabelingConfig, config, overrides)
    refuse_unused_keys(overrides, unused_keys(stage, settings))
    if dry_run:
        refuse_unused_options("--dry-run", {"--json": json})
        print(pipeline.describe_plan(dataset, stage, settings))
        return
    run = {
        "regions": pipeline.run_regions,
        "instructions": pipeline.run_instructions,
        "shards": pipeline.run_shards,
    }[stage]
    result: dict[str, Any] = run(dataset, settings, ray_address)
    print(f"{stage}: " + ", ".join(f"{n} {_short(v)}" for n, v in result.items()))
    write_result(json, result)
    if result["failed"]:
        raise typer.Exit(EXIT_TOO_MANY_REFUSED)


def _short(value: Any) -> str:
    """A value of a result in a few characters: a list as its length, counts as ``name:number``."""
    if isinstance(value, dict):
        return " ".join(f"{name or '(nothing)'}:{number}" for name, number in value.items())
    if isinstance(value, list):
        return str(len(value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run_app(app)
