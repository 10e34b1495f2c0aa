"""The work behind ``python -m inference paint``: plan, paint what is not done, tell about it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inference.artist.framing import Framing
from inference.command.easel import Easel, painter_record, set_up
from inference.command.painting import finished_before
from inference.command.painting_work import Outcome, paint_jobs, paint_on_actors, planned
from inference.command.paintings_page import write_page, write_table
from inference.inputs.jobs import Job, WorkConfig, in_batches, plan
from inference.inputs.picture import Picture, load_picture
from inference.memory.advice import plan_lines
from inference.output.frames import clock
from inference.output.session import PainterRecord
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.cli import EXIT_DONE, EXIT_TOO_MANY_REFUSED
from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError
from training.networks.presets import Preset


@dataclass(frozen=True)
class Run:
    """What all jobs of a command share."""

    config: InferenceConfig
    """Of the paintings: `work` is at its defaults, so that it cannot reach any output."""
    record: PainterRecord
    preset: Preset
    work: WorkConfig
    address: str | None
    """Of a Ray cluster."""


def run_paint(
    paths: list[Path],
    out: Path,
    config: InferenceConfig,
    dry_run: bool,
    seeds: Sequence[int] = (),
    address: str | None = None,
) -> tuple[dict[str, Any], int]:
    """Paint all pictures; returns the machine-readable result and the exit code.

    Args:
        seeds: each picture once with each of them; empty for the config's own.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, expected a folder for the paintings: choose another -o")
    jobs = plan(paths, out, seeds or (config.rollout.seed,))
    record, settings = painter_record(config)
    plain = config.model_copy(update={"work": WorkConfig()})
    run = Run(plain, record, settings.preset, config.work, address or os.environ.get("RAY_ADDRESS"))
    if dry_run:
        print(to_yaml(config, "inference"))
        for job in jobs:
            print(f"plan: paint {job.picture} into {job.folder}, seed {job.seed}")
        # Unread, all of them might be of one size.
        batches = in_batches(jobs, [None] * len(jobs), _batch_size(run))
        print(*plan_lines(planned(plain, batches), plain, record), sep="\n")
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


def _paint_all(jobs: Sequence[Job], run: Run) -> list[Outcome]:
    """One outcome a job, in their order; a job that fails does not stop the others."""
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    found: dict[Job, Outcome] = {}
    with Progress(*columns, console=Console(highlight=False), transient=True) as progress:
        bar = progress.add_task("paintings", total=len(jobs))
        for outcome in _outcomes(jobs, run, progress):
            found[outcome.job] = outcome
            _say(progress, _line(outcome))
            progress.advance(bar)
    return [found[job] for job in jobs]


def _outcomes(jobs: Sequence[Job], run: Run, progress: Progress) -> Iterator[Outcome]:
    """First what needs no painting, then the rest as it comes."""
    todo: list[Job] = []
    sizes: list[tuple[int, int]] = []
    for job in jobs:
        try:
            picture = load_picture(job.picture, run.config.picture)
            config = _with_seed(run.config, job.seed)
            done = finished_before(job.folder, picture, run.record, config)
        except UserError as error:
            yield Outcome(job, "refused", detail=str(error))
            continue
        if done is not None:
            yield Outcome(job, "unchanged", done)
            continue
        _tell_notes(job, picture, progress)
        todo.append(job)
        sizes.append(Framing((picture.image.shape[0], picture.image.shape[1]), run.preset).size)
    batches = in_batches(todo, sizes, _batch_size(run))
    if batches:
        yield from _painted(batches, run, progress)


def _painted(batches: Sequence[Sequence[Job]], run: Run, progress: Progress) -> Iterator[Outcome]:
    """Outcomes of jobs in batches of one size, after the plan was told."""
    uses_actors = _uses_actors(len(batches), run)
    if uses_actors and run.address:
        _say(progress, "plan: each actor of the cluster plans its memory on its own device")
        yield from paint_on_actors(batches, run.config, run.record, run.work, run.address)
        return
    expected = planned(run.config, batches)
    for line in plan_lines(expected, run.config, run.record):
        _say(progress, line)
    if uses_actors:
        _say(progress, "plan: every actor has such a painter of its own")
        yield from paint_on_actors(batches, run.config, run.record, run.work, run.address)
        return
    easel = set_up(run.config, run.record, expected)
    for batch in batches:
        yield from _paint_here(batch, easel, progress)


def _paint_here(batch: Sequence[Job], easel: Easel, progress: Progress) -> list[Outcome]:
    """Paint a batch under a bar of its own, with a line for every step."""
    names = ", ".join(job.folder.name for job in batch)
    bar = progress.add_task(names[:40], total=easel.config.stop.max_steps)

    def tell(job: Job, step: Step) -> None:
        progress.update(bar, completed=step.index + 1)
        whose = f"{job.folder.name}: " if len(batch) > 1 else ""
        name = "set " if step.is_finish else "step"
        _say(
            progress,
            f"  {whose}{name} {step.index + 1:2d}  {clock(step.time_s):>5}  "
            f"{step.instruction.text:<20} area {step.region.area:4.0%}  "
            f"distance {step.distance:.3f}",
        )

    try:
        return paint_jobs(batch, easel, tell)
    finally:
        progress.remove_task(bar)


def _uses_actors(num_batches: int, run: Run) -> bool:
    is_wide = run.work.actors.num_actors > 1 or torch.cuda.device_count() > 1
    return num_batches > 1 and bool(run.address or is_wide)


def _batch_size(run: Run) -> int:
    """A script is for one painting, and the release paints one at a time."""
    is_single = run.config.rollout.script or run.config.quirks == "official"
    return 1 if is_single else run.work.batch_size


def _with_seed(config: InferenceConfig, seed: int) -> InferenceConfig:
    return config.model_copy(update={"rollout": config.rollout.model_copy(update={"seed": seed})})


def _tell_notes(job: Job, picture: Picture, progress: Progress) -> None:
    for note in picture.notes:
        _say(progress, f"{job.picture}: {note}")


def _say(progress: Progress, text: str) -> None:
    # Names and instructions are text: square brackets in them are no markup.
    progress.console.print(text, markup=False, soft_wrap=True)


def _line(outcome: Outcome) -> str:
    job, record = outcome.job, outcome.record
    if record is None:
        return "\n".join(filter(None, (f"{outcome.status}: {outcome.detail}", outcome.trace)))
    told = f"{record.num_painted} steps, {clock(record.steps[-1].time_s)}, {record.stop}"
    return f"{job.picture}: {outcome.status}, {told} -> {job.folder}"


def _result(outcome: Outcome) -> dict[str, Any]:
    job, record = outcome.job, outcome.record
    told = {"picture": str(job.picture), "seed": job.seed, "status": outcome.status}
    if record is None:
        return told | {"detail": outcome.detail, "trace": outcome.trace}
    return told | {
        "folder": str(job.folder),
        "stop": record.stop,
        "num_painted": record.num_painted,
        "instructions": [step.instruction for step in record.steps],
        "distance": record.steps[record.num_painted - 1].distance,
        "duration_s": record.steps[-1].time_s,
    }
