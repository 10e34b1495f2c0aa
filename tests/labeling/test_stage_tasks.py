"""Tasks of a stage: a disk that is full ends it with one line."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import RunConfig
from ingest.execution.tasks import Finished, TaskFailure
from labeling.stage_tasks import Execution, run_all


@pytest.mark.parametrize("stage", ["regions", "instructions", "shards"])
def test_a_full_disk_ends_the_stage_with_one_line(stage: str) -> None:
    asked = []

    def run(function: Any, items: Any, *_: Any) -> Any:
        for item in items:
            asked.append(item)
            error = OSError(28, "No space left on device", f"/data/{item}.tar")
            yield Finished(item, TaskFailure.of_exception(error, "Traceback\nOSError"))

    with pytest.raises(UserError, match=r"^cannot write /data/a\.tar: the disk is full") as error:
        run_all(stage, str, ["a", "b"], Execution(RunConfig(), None), str, str, run)
    assert "\n" not in str(error.value)
    assert asked == ["a"], "the others would fail at the same disk"
