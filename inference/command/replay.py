"""Runs ``python -m inference replay``: paints a session again and compares it bit by bit.

The session folder holds settings, picture, painter and steering actions
(``session/steering.json``). The result is written to another folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inference.command.painting import paint_picture
from inference.command.painting_context import load_context, painter_record, versions
from inference.inputs.picture import Picture, load_picture
from inference.output.session import SessionFolder, SessionRecord, read_record, read_session
from inference.rollout.script import read_script
from inference.settings import InferenceConfig
from ingest.conventions.cli import EXIT_DONE, EXIT_TOO_MANY_REFUSED
from ingest.conventions.errors import UserError
from ingest.format.images import sha256


def run_replay(
    painting: Path, out: Path, picture: Path | None = None, painter: str | None = None
) -> tuple[dict[str, Any], int]:
    """Paint `painting`'s session again into `out`; returns the machine-readable result and the
    exit code: 0 for the same bytes, 1 for others.

    Args:
        painting: a folder that `paint` wrote.
        picture, painter: their current paths, if they have moved since.

    Raises:
        UserError: no finished session, another picture or painter than the recorded one, or the
            session's own folder as output.
    """
    if out.resolve() == painting.resolve():
        raise UserError(f"{out} is the session itself: choose another -o for the replay")
    record = read_record(SessionFolder(painting))
    if record is None:
        raise UserError(f"{painting} holds no finished session: give a folder that `paint` wrote")
    _check_tar(painting, record)
    # The recorded settings stay as they are: their hash is part of every sample.
    config = _recorded_config(painting, record)
    source = _recorded_picture(record, picture, config)
    found, _ = painter_record(config.model_copy(update={"painter": painter or config.painter}))
    if found.fingerprint != record.painter.fingerprint:
        raise UserError(
            f"the painter {found.name} is not the one that painted {painting} (its files hash to "
            f"{found.fingerprint}, recorded {record.painter.fingerprint}): give it as --painter"
        )
    for difference in _other_versions(record.versions):
        print(f"replay: {difference}; the bytes may differ")
    context = load_context(config, record.painter, painter=found.name)
    actions = read_script(SessionFolder(painting).root / "steering.json")
    again = paint_picture(context, source, out, actions=actions)
    first = _first_difference(painting, out) if again.steps_sha256 != record.steps_sha256 else None
    return _result(painting, out, record, again, first)


def _result(
    painting: Path, out: Path, record: SessionRecord, again: SessionRecord, first: str | None
) -> tuple[dict[str, Any], int]:
    is_same = again.steps_sha256 == record.steps_sha256
    if is_same:
        print(f"replay: {len(again.steps)} steps, every bit as in {painting} -> {out}")
    else:
        print(f"replay: NOT as in {painting}: {first} -> {out}")
    result = {
        "session": str(painting), "folder": str(out), "identical": is_same,
        "first_difference": first, "steps": len(again.steps),
    }  # fmt: skip
    return result, EXIT_DONE if is_same else EXIT_TOO_MANY_REFUSED


def _recorded_config(painting: Path, record: SessionRecord) -> InferenceConfig:
    try:
        return InferenceConfig.model_validate(record.config)
    except ValidationError as error:
        raise UserError(
            f"{painting}: its settings are of another version ({error.error_count()} do not fit, "
            f"recorded by inference {record.versions.get('inference', 'unknown')}): replay it with "
            "the code that painted it"
        ) from error


def _recorded_picture(
    record: SessionRecord, moved: Path | None, config: InferenceConfig
) -> Picture:
    """The picture under its recorded path, read from `moved` if given."""
    picture = load_picture(moved or Path(record.picture_uri), config.picture)
    if picture.sha256 != record.picture_sha256:
        raise UserError(
            f"{picture.path} is not the picture that was painted (SHA-256 {picture.sha256[:12]}, "
            f"recorded {record.picture_sha256[:12]}): give it as --picture"
        )
    return Picture(
        Path(record.picture_uri), picture.image, picture.sha256, picture.original_size_px,
        picture.notes,
    )  # fmt: skip


def _check_tar(painting: Path, record: SessionRecord) -> None:
    tar = SessionFolder(painting).steps_tar
    if not tar.is_file() or sha256(tar.read_bytes()) != record.steps_sha256:
        raise UserError(f"{tar} is not the tar that was written: there is nothing to compare with")


def _other_versions(recorded: dict[str, str]) -> Iterable[str]:
    here = versions()
    for name in sorted({*recorded, *here}):
        then, now = recorded.get(name, "absent"), here.get(name, "absent")
        if then != now:
            yield f"{name} was {then} and is {now}"


def _first_difference(painting: Path, out: Path) -> str:
    """The first difference between two sessions, in words."""
    before, after = read_session(painting), read_session(out)
    for index, (old, new) in enumerate(zip(before.samples, after.samples, strict=False)):
        if old.instruction != new.instruction:
            return f"step {index + 1} is {new.instruction!r}, was {old.instruction!r}"
        if (old.mask != new.mask).any():
            return f"step {index + 1} paints another region"
        if (old.next != new.next).any():
            return f"step {index + 1} looks otherwise in {int((old.next != new.next).sum())} values"
    if len(before.samples) != len(after.samples):
        return f"{len(after.samples)} steps, were {len(before.samples)}"
    return "the same steps with another provenance"
