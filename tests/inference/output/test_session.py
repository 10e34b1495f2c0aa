"""Sessions: samples in the dataset schema, equal bytes, and errors for damaged ones."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.command.session_making import make_session
from inference.inputs.picture import Picture
from inference.output.session import (
    PainterRecord,
    SessionFolder,
    read_record,
    read_session,
    write_record,
    write_steps,
)
from inference.rollout.finish import FinishConfig, finishing_step
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError

PAINTER = PainterRecord(name="bands", preset="pocket", fingerprint="0" * 12)


def write(folder: Path, steps: list[Step], picture: Picture) -> SessionFolder:
    session, encoded = make_session(steps, picture, PAINTER, InferenceConfig(), {"numpy": "2"})
    place = SessionFolder(folder)
    digest = write_steps(place, encoded)
    write_record(place, session.record.model_copy(update={"steps_sha256": digest}))
    return place


def test_round_trip(tmp_path: Path, steps: list[Step], picture: Picture) -> None:
    write(tmp_path / "p", steps, picture)
    session = read_session(tmp_path / "p")
    assert len(session.samples) == len(steps) == 4
    for sample, step in zip(session.samples, steps, strict=True):
        assert np.array_equal(sample.current, step.current)
        assert np.array_equal(sample.next, step.next)
        assert np.array_equal(sample.mask, step.region.mask)
        assert np.array_equal(sample.difference, step.difference)
        assert sample.instruction == step.instruction.text
        assert sample.interval_s == 20.0
    record = session.record
    assert record.stop == "arrived"
    assert (record.num_painted, record.canvas_size_px) == (4, (128, 96))
    assert [step.time_s for step in record.steps] == [20.0, 40.0, 60.0, 80.0]
    times = [sample.provenance.current.time_s for sample in session.samples]
    assert times == [0.0, 20.0, 40.0, 60.0]


def test_same_steps_same_bytes(tmp_path: Path, steps: list[Step], picture: Picture) -> None:
    first, second = (write(tmp_path / name, steps, picture) for name in "ab")
    assert first.steps_tar.read_bytes() == second.steps_tar.read_bytes()
    assert first.session_json.read_bytes() == second.session_json.read_bytes()


def test_finishing_step_is_told_apart(
    tmp_path: Path, steps: list[Step], picture: Picture, target: np.ndarray
) -> None:
    last = dataclasses.replace(steps[-1], next=np.full_like(target, 200))
    finish = finishing_step(last, target, FinishConfig())
    assert finish is not None
    write(tmp_path / "p", [*steps[:-1], last, finish], picture)
    session = read_session(tmp_path / "p")
    assert [step.is_finish for step in session.record.steps] == [False] * 4 + [True]
    assert session.record.num_painted == 4
    assert session.samples[-1].provenance.labeler == "finish"
    assert session.samples[-2].provenance.labeler == "painter:bands"
    assert np.array_equal(session.samples[-1].next, target)


def test_no_session_and_damaged_sessions(
    tmp_path: Path, steps: list[Step], picture: Picture
) -> None:
    assert read_record(SessionFolder(tmp_path / "none")) is None
    with pytest.raises(UserError, match="no finished session"):
        read_session(tmp_path / "none")
    place = write(tmp_path / "p", steps, picture)
    head: dict[str, Any] = json.loads(place.session_json.read_text())
    for text, says in (
        ("{", "damaged"),
        ("[]", "damaged"),
        (json.dumps({**head, "seed": "x"}), "damaged"),
        (json.dumps({**head, "schema_version": "9.0"}), "9.0"),
    ):
        place.session_json.write_text(text)
        with pytest.raises(UserError, match=says) as raised:
            read_record(place)
        assert "\n" not in str(raised.value)
    place.session_json.write_text(json.dumps({**head, "steps": head["steps"][:2]}))
    with pytest.raises(UserError, match="not the tar"):
        read_session(tmp_path / "p")
