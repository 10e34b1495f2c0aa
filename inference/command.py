"""The work behind ``python -m inference paint``: plan, paint what is not done, tell about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inference.easel import Easel, loader_of, painter_record, set_up
from inference.frames import clock
from inference.memory_advice import plan_lines
from inference.memory_plan import MemoryPlan, memory_plan
from inference.painting import finished_before, paint_picture
from inference.picture import Picture, find_pictures, load_picture
from inference.session import PainterRecord, SessionRecord
from inference.settings import InferenceConfig
from inference.steps import Step
from ingest.cli import EXIT_DONE, EXIT_TOO_MANY_REFUSED
from ingest.config import to_yaml
from ingest.errors import UserError


@dataclass(frozen=True)
class Job:
    """One picture and the folder that it is painted into."""

    picture: Path
    folder: Path


def plan(paths: list[Path], out: Path) -> list[Job]:
    """A folder a picture, named by its stem; pictures of one stem also by what tells them apart."""
    pictures = find_pictures(paths)
    stems = Counter(picture.stem for picture in pictures)
    jobs: list[Job] = []
    for picture in pictures:
        name = picture.stem if stems[picture.stem] == 1 else picture.name.replace(".", "-")
        taken = {job.folder for job in jobs}
        folder, number = out / name, 2
        while folder in taken:
            folder, number = out / f"{name}-{number}", number + 1
        jobs.append(Job(picture, folder))
    return jobs


def run_paint(
    paths: list[Path], out: Path, config: InferenceConfig, dry_run: bool
) -> tuple[dict[str, Any], int]:
    """Paint all pictures; returns the machine-readable result and the exit code."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, expected a folder for the paintings: choose another -o")
    jobs = plan(paths, out)
    record, _ = painter_record(config)
    if dry_run:
        print(to_yaml(config, "inference"))
        for job in jobs:
            print(f"plan: paint {job.picture} into {job.folder}")
        print(*plan_lines(_planned(jobs, config), config, record), sep="\n")
        return {"plan": [str(job.folder) for job in jobs]}, EXIT_DONE
    results = _paint_all(jobs, config, record)
    refused = [result for result in results if result["status"] == "refused"]
    counts = Counter(result["status"] for result in results)
    print(", ".join(f"{number} {status}" for status, number in sorted(counts.items())))
    code = EXIT_TOO_MANY_REFUSED if refused else EXIT_DONE
    return {"painter": record.model_dump(mode="json"), "pictures": results}, code


def _paint_all(
    jobs: list[Job], config: InferenceConfig, record: PainterRecord
) -> list[dict[str, Any]]:
    """One result a job; a picture that cannot be read is refused and the others still painted."""
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    easel: Easel | None = None
    results = []
    with Progress(*columns, console=Console(highlight=False), transient=True) as progress:
        task = progress.add_task("pictures", total=len(jobs))
        for job in jobs:
            try:
                picture = load_picture(job.picture, config.picture)
                done = finished_before(job.folder, picture, record, config)
                status = "painted" if done is None else "unchanged"
                if done is None:
                    if easel is None:
                        expected = _planned(jobs, config)
                        for line in plan_lines(expected, config, record):
                            _say(progress, line)
                        easel = set_up(config, record, expected)
                    done = _paint(easel, job, picture, progress)
                results.append(_result(job, status, done))
                _say(progress, f"{job.picture}: {status}, {_summary(done)} -> {job.folder}")
            except UserError as error:
                if len(jobs) == 1:
                    raise
                results.append(
                    {"picture": str(job.picture), "status": "refused", "detail": str(error)}
                )
                _say(progress, f"refused: {error}")
            progress.advance(task)
    return results


def _planned(jobs: list[Job], config: InferenceConfig) -> MemoryPlan:
    return memory_plan(loader_of(config), config, [job.picture for job in jobs])


def _paint(easel: Easel, job: Job, picture: Picture, progress: Progress) -> SessionRecord:
    """Paint one picture under a bar of its own, with a line for every step."""
    for note in picture.notes:
        _say(progress, f"{job.picture}: {note}")
    task = progress.add_task(job.picture.name, total=easel.config.stop.max_steps)

    def tell(step: Step) -> None:
        progress.update(task, completed=step.index + 1, description=step.instruction.text)
        name = "set " if step.is_finish else "step"
        _say(
            progress,
            f"  {name} {step.index + 1:2d}  {clock(step.time_s):>5}  {step.instruction.text:<20} "
            f"area {step.region.area:4.0%}  distance {step.distance:.3f}",
        )

    try:
        with easel.explained(f"painting {job.picture}"):
            return paint_picture(easel, picture, job.folder, tell)
    finally:
        progress.remove_task(task)


def _say(progress: Progress, text: str) -> None:
    # Names and instructions are text: square brackets in them are no markup.
    progress.console.print(text, markup=False, soft_wrap=True)


def _summary(record: SessionRecord) -> str:
    return f"{record.num_painted} steps, {clock(record.steps[-1].time_s)}, {record.stop}"


def _result(job: Job, status: str, record: SessionRecord) -> dict[str, Any]:
    return {
        "picture": str(job.picture),
        "folder": str(job.folder),
        "status": status,
        "stop": record.stop,
        "num_painted": record.num_painted,
        "instructions": [step.instruction for step in record.steps],
        "distance": record.steps[record.num_painted - 1].distance,
        "duration_s": record.steps[-1].time_s,
    }
