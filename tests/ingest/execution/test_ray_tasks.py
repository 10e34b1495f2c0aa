"""`run_tasks` with a fake Ray and clock: tasks in flight, and cancelling tasks that hang."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.execution import ray_tasks
from ingest.execution.ray_tasks import STALL_GRACE_S, run_tasks
from ingest.execution.tasks import Finished, RunConfig, TaskFailure


class FakeRay:
    """Two cores; items called ``hang...`` never finish, each wait takes 10 s of a fake clock."""

    def __init__(self) -> None:
        self.now_s, self.most_in_flight, self.cancelled = 0.0, 0, []
        self.ObjectRef = str

    def remote(self, **options: Any) -> Any:
        """`ray.remote(...)(function)`; a reference is the item itself."""
        task = type("Task", (), {"remote": staticmethod(lambda shared, item: item)})
        return lambda function: task

    def put(self, value: Any) -> Any:
        return value

    def wait(self, references: list[str], num_returns: int, timeout: float) -> Any:
        self.now_s += 10.0
        self.most_in_flight = max(self.most_in_flight, len(references))
        # Two run, the others wait for their turn.
        done = [name for name in references[:2] if not name.startswith("hang")]
        return done[:num_returns], references

    def cancel(self, reference: str, force: bool) -> None:
        assert force
        self.cancelled.append(reference)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    made = FakeRay()
    monkeypatch.setattr(ray_tasks, "ray", made)
    monkeypatch.setattr(ray_tasks, "connect", lambda address: None)
    monkeypatch.setattr(ray_tasks, "_cluster_slots", lambda config: 2.0)
    monkeypatch.setattr(ray_tasks, "_result", lambda reference: reference.upper())
    monkeypatch.setattr(ray_tasks.time, "monotonic", lambda: made.now_s)
    return made


def run(items: Iterator[str], **config: Any) -> list[Finished[str, str]]:
    return list(run_tasks(str.upper, items, RunConfig(timeout_s=100, **config)))


def test_items_are_drawn_lazily_and_few_are_in_flight(fake: FakeRay) -> None:
    drawn: list[int] = []

    def items() -> Iterator[str]:
        for number in range(50):
            drawn.append(number)
            yield f"item-{number}"

    first = next(iter(run_tasks(str.upper, items(), RunConfig())))
    assert first == Finished("item-0", "ITEM-0")
    assert len(drawn) == 4, "twice the cores"
    finished = run((f"item-{n}" for n in range(50)), max_in_flight=7)
    assert sorted(f.item for f in finished) == sorted(f"item-{n}" for n in range(50))
    assert fake.most_in_flight == 7


def test_hanging_items_are_cancelled_and_the_rest_goes_on(fake: FakeRay) -> None:
    finished = run(iter(["hang-1", "a", "hang-2", "b", "c"]))
    failed = {f.item: f.result for f in finished if isinstance(f.result, TaskFailure)}
    assert sorted(failed) == ["hang-1", "hang-2"] == sorted(fake.cancelled)
    assert {failure.reason for failure in failed.values()} == {"timeout"}
    assert [f.item for f in finished if f.item not in failed] == ["a", "b", "c"]


def test_waiting_items_do_not_time_out(fake: FakeRay) -> None:
    """Thirty items of 10 s each, two at a time: the last one waits far longer than the limit."""
    finished = run((f"item-{n}" for n in range(30)), max_in_flight=30)
    assert fake.now_s > 100 + STALL_GRACE_S
    assert not any(isinstance(f.result, TaskFailure) for f in finished)


def test_a_full_disk_in_a_task_is_told_as_such() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/data/labels/a.tar")
    failure = TaskFailure.of_exception(full, "Traceback\nOSError: no space")
    assert failure.reason == "storage"
    assert "cannot write /data/labels/a.tar: the disk is full" in failure.detail
    other = TaskFailure.of_exception(ValueError("odd"), "Traceback\nValueError: odd")
    assert (other.reason, other.detail) == ("exception", "ValueError: odd")
