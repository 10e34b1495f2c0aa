"""`paint_jobs`: a failing job does not affect the other jobs of its batch."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.command import painting  # noqa: E402
from inference.command.batch_painting import paint_jobs  # noqa: E402
from inference.command.painting_context import PaintingContext, load_context, painter_record  # noqa: E402
from inference.inputs.jobs import Job  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402


@pytest.fixture(scope="module")
def context(painter_folder: Path) -> PaintingContext:
    config = InferenceConfig(painter=str(painter_folder), stop=StopConfig(max_steps=1))
    return load_context(config, painter_record(config)[0])


@pytest.fixture
def jobs(picture_file: Path, tmp_path: Path) -> list[Job]:
    return [Job(picture_file, tmp_path / f"seed{seed}", seed) for seed in (1, 2)]


def fail_for(seed: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = painting.start_rollout

    def start_rollout(context: PaintingContext, picture: object) -> object:
        if context.config.rollout.seed == seed:
            raise error
        return begin(context, picture)  # pyright: ignore

    monkeypatch.setattr(painting, "start_rollout", start_rollout)


def test_the_one_at_fault_is_named_and_the_others_are_painted(
    context: PaintingContext, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(1, ValueError("no\nluck"), monkeypatch)
    with pytest.warns(UserWarning, match="batch of 2 failed"):
        failed, painted = paint_jobs(jobs, context)
    assert (failed.status, failed.detail) == ("failed", "ValueError: no luck")
    assert "in start" in failed.trace
    assert painted.status == "painted"
    assert (jobs[1].folder / "session" / "session.json").is_file()
    assert not (jobs[0].folder / "session" / "session.json").exists()


def test_a_full_disk_ends_the_run(
    context: PaintingContext, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(1, OSError(errno.ENOSPC, "full"), monkeypatch)
    with pytest.raises(OSError, match="full"):
        paint_jobs(jobs[:1], context)
