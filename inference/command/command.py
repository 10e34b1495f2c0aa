"""Runs ``python -m inference paint``: plans, paints unfinished jobs, prints and writes the
results."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inference.artist.canvas_transform import CanvasTransform
from inference.artist.planned.orders import wanted_num_steps
from inference.artist.rivals.rivals import find_rival
from inference.command.batch_painting import Outcome, paint_jobs, paint_on_actors, plan_memory
from inference.command.painting import finished_before
from inference.command.painting_context import (
    PaintingContext,
    load_context,
    painter_record,
    paints_in_order,
)
from inference.command.paintings_page import write_page, write_table
from inference.command.steering_actions import steering_actions, was_steered_alike
from inference.inputs.jobs import Job, WorkConfig, in_batches, plan
from inference.inputs.picture import Picture, load_picture
from inference.memory.advice import (
    PUBLISHED_MAX_STEPS,
    plan_line,
    plan_lines,
    rival_line,
    rival_steps,
    strokes_line,
)
from inference.memory.plan import MemoryPlan, picture_sizes
from inference.output.frames import clock
from inference.output.session import PainterRecord
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.cli import EXIT_DONE, EXIT_TOO_MANY_REFUSED
from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError
from ingest.conventions.names import printable
from training.networks.presets import Preset
from training.rivals.folder import read_rival


@dataclass(frozen=True)
class CommandRun:
    """Settings and painter that all jobs of a command share."""

    config: InferenceConfig
    """Settings of a painting; `work` has its defaults, so that it does not affect any output."""
    record: PainterRecord
    preset: Preset
    work: WorkConfig
    address: str | None
    """Address of a Ray cluster, if any."""
    is_verbose: bool = False
    """Print the plan part by part."""


def run_paint(
    paths: list[Path],
    out: Path,
    config: InferenceConfig,
    dry_run: bool,
    seeds: Sequence[int] = (),
    address: str | None = None,
    is_verbose: bool = False,
) -> tuple[dict[str, Any], int]:
    """Paint all pictures; returns the machine-readable result and the exit code.

    Args:
        seeds: each picture is painted with each seed; empty for the seed of the config.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, expected a folder for the paintings: choose another -o")
    # A wrong script or mask is known before anything is loaded.
    steering_actions(config)
    jobs = plan(paths, out, seeds or (config.rollout.seed,))
    record, settings = painter_record(config)
    painting_config = config.model_copy(update={"work": WorkConfig()})
    run = CommandRun(
        painting_config,
        record,
        settings.preset,
        config.work,
        address or os.environ.get("RAY_ADDRESS"),
        is_verbose,
    )
    if dry_run:
        print(to_yaml(config, "inference"))
        for job in jobs:
            print(f"plan: paint {job.picture} into {job.folder}, seed {job.seed}")
        # Pictures are not read yet: all might have one size.
        batches = in_batches(jobs, [None] * len(jobs), _batch_size(run))
        print(*_plan(batches, dataclasses.replace(run, is_verbose=True))[0], sep="\n")
        return {"plan": [str(job.folder) for job in jobs]}, EXIT_DONE
    outcomes = _paint_all(jobs, run)
    if len(jobs) == 1 and outcomes[0].status == "refused":
        raise UserError(outcomes[0].detail)
    if len(jobs) > 1:
        write_page(out / "index.html", outcomes)
        write_table(out / "paintings.csv", outcomes)
    counts = Counter(outcome.status for outcome in outcomes)
    print(", ".join(f"{number} {status}" for status, number in sorted(counts.items())))
    is_bad = counts["refused"] or counts["failed"]
    result = {
        "painter": record.model_dump(mode="json"),
        "pictures": [_result(outcome) for outcome in outcomes],
    }
    return result, EXIT_TOO_MANY_REFUSED if is_bad else EXIT_DONE


def _paint_all(jobs: Sequence[Job], run: CommandRun) -> list[Outcome]:
    """One outcome per job, in their order; a job that fails does not stop the others."""
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    found: dict[Job, Outcome] = {}
    with Progress(*columns, console=Console(highlight=False), transient=True) as progress:
        bar = progress.add_task("paintings", total=len(jobs))
        for outcome in _outcomes(jobs, run, progress):
            found[outcome.job] = outcome
            _print_line(progress, _summary_line(outcome))
            progress.advance(bar)
    return [found[job] for job in jobs]


def _outcomes(jobs: Sequence[Job], run: CommandRun, progress: Progress) -> Iterator[Outcome]:
    """Outcomes of refused and unchanged jobs first, then of painted jobs as they finish."""
    todo: list[Job] = []
    sizes: list[tuple[int, int]] = []
    for job in jobs:
        try:
            picture = load_picture(job.picture, run.config.picture)
            config = _with_seed(run.config, job.seed)
            done = finished_before(job.folder, picture, run.record, config)
            if done is not None and not was_steered_alike(job.folder, config):
                done = None
        except UserError as error:
            yield Outcome(job, "refused", detail=str(error))
            continue
        if done is not None:
            yield Outcome(job, "unchanged", done)
            continue
        _print_notes(job, picture, progress)
        todo.append(job)
        sizes.append(
            CanvasTransform((picture.image.shape[0], picture.image.shape[1]), run.preset).size
        )
    batches = in_batches(todo, sizes, _batch_size(run))
    if batches:
        yield from _paint_batches(batches, run, progress)


def _paint_batches(
    batches: Sequence[Sequence[Job]], run: CommandRun, progress: Progress
) -> Iterator[Outcome]:
    """Print the memory plan, paint batches of one size; outcomes as they finish."""
    uses_actors = _uses_actors(len(batches), run)
    if uses_actors and run.address:
        _print_line(progress, "plan: each actor of the cluster plans its memory on its own device")
        yield from paint_on_actors(batches, run.config, run.record, run.work, run.address)
        return
    lines, expected = _plan(batches, run)
    for line in lines:
        _print_line(progress, line)
    if uses_actors:
        _print_line(progress, "plan: every actor has such a painter of its own")
        yield from paint_on_actors(batches, run.config, run.record, run.work, run.address)
        return
    context = load_context(run.config, run.record, expected)
    for batch in batches:
        yield from _paint_here(batch, context, progress)


def _paint_here(
    batch: Sequence[Job], context: PaintingContext, progress: Progress
) -> list[Outcome]:
    """Paint a batch in this process with a progress bar and a line for every step."""
    names = ", ".join(job.folder.name for job in batch)
    bar = progress.add_task(names[:40], total=_expected_steps(context.config))

    def report_step(job: Job, step: Step) -> None:
        progress.update(bar, completed=step.index + 1)
        whose = f"{job.folder.name}: " if len(batch) > 1 else ""
        name = "set " if step.is_finish else "step"
        _print_line(
            progress,
            f"  {whose}{name} {step.index + 1:2d}  {clock(step.time_s):>5}  "
            f"{step.instruction.text:<20} area {step.region.area:4.0%}  "
            f"distance {step.distance:.3f}",
        )
        if step.note:
            _print_line(progress, f"  {whose}note: {step.note}")

    try:
        return paint_jobs(batch, context, report_step)
    finally:
        progress.remove_task(bar)


def _plan(batches: Sequence[Sequence[Job]], run: CommandRun) -> tuple[list[str], MemoryPlan | None]:
    """What will be painted, in one line or part by part, and the expected memory of a painter."""
    config, jobs = run.config, [job for batch in batches for job in batch]
    if paints_in_order(config.painter):
        return [strokes_line(config, picture_sizes(job.picture for job in jobs))], None
    rival = find_rival(config.painter)
    if rival is not None:
        return [rival_line(config, read_rival(rival), len(jobs))], None
    expected = plan_memory(config, batches)
    lines = [plan_line(expected, config, len(jobs))]
    return lines + run.is_verbose * plan_lines(expected, config, run.record), expected


def _expected_steps(config: InferenceConfig) -> int:
    """Length of the progress bar."""
    if paints_in_order(config.painter) and config.stop.max_steps is None:
        return wanted_num_steps(config.strokes, config.rollout.interval_s)
    rival = find_rival(config.painter)
    if rival is not None:
        return rival_steps(config, read_rival(rival))
    return config.stop.max_steps or PUBLISHED_MAX_STEPS


def _uses_actors(num_batches: int, run: CommandRun) -> bool:
    """Returns True if there are several batches and several GPUs, actors or a cluster."""
    is_wide = run.work.actors.num_actors > 1 or torch.cuda.device_count() > 1
    return num_batches > 1 and bool(run.address or is_wide)


def _batch_size(run: CommandRun) -> int:
    """Paintings in a batch: 1 with steering or with the release's quirks."""
    config = run.config
    is_single = bool(steering_actions(config)) or config.quirks == "official"
    return 1 if is_single else run.work.batch_size


def _with_seed(config: InferenceConfig, seed: int) -> InferenceConfig:
    return config.model_copy(update={"rollout": config.rollout.model_copy(update={"seed": seed})})


def _print_notes(job: Job, picture: Picture, progress: Progress) -> None:
    for note in picture.notes:
        _print_line(progress, f"{job.picture}: {note}")


def _print_line(progress: Progress, text: str) -> None:
    # Square brackets in file names and instructions are not markup.
    progress.console.print(text, markup=False, soft_wrap=True)


def _summary_line(outcome: Outcome) -> str:
    job, record = outcome.job, outcome.record
    if record is None:
        return "\n".join(filter(None, (f"{outcome.status}: {outcome.detail}", outcome.trace)))
    summary = f"{record.num_painted} steps, {clock(record.steps[-1].time_s)}, {record.stop}"
    return f"{job.picture}: {outcome.status}, {summary} -> {job.folder}"


def _result(outcome: Outcome) -> dict[str, Any]:
    job, record = outcome.job, outcome.record
    result = {"picture": printable(str(job.picture)), "seed": job.seed, "status": outcome.status}
    if record is None:
        return result | {"detail": outcome.detail, "trace": outcome.trace}
    return result | {
        "folder": str(job.folder),
        "stop": record.stop,
        "num_painted": record.num_painted,
        "instructions": [step.instruction for step in record.steps],
        "distance": record.steps[record.num_painted - 1].distance,
        "duration_s": record.steps[-1].time_s,
    }
