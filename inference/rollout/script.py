"""Reads steering scripts, JSON lists of actions, and follows them.

In: a file such as ``[{"do": "steer", "at": 2, "instruction": "sky"}]``, or actions. Out: actions
that were checked, and the steps of a rollout that is steered by them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import ValidationError

from inference.rollout.steering import (
    SCRIPT,
    Action,
    Lock,
    Rewind,
    Steer,
    Unlock,
    with_loaded_masks,
)
from inference.rollout.steps import Artist, Step
from ingest.conventions.errors import UserError


class Steered(Iterator[Step], Protocol):
    """What can be steered: `inference.rollout.rollout.Rollout`."""

    artist: Artist
    target: np.ndarray
    num_painted: int

    def steer(
        self,
        instruction: str | None = None,
        add_instruction: str | None = None,
        mask: np.ndarray | None = None,
        add_mask: np.ndarray | None = None,
    ) -> None: ...

    def lock(self, mask: np.ndarray) -> None: ...

    def unlock(self) -> None: ...

    def rewind(self, num_steps: int = 1) -> None: ...


KINDS: dict[str, type[Steer | Lock | Unlock | Rewind]] = {
    "steer": Steer, "lock": Lock, "unlock": Unlock, "rewind": Rewind,
}  # fmt: skip
"""Kinds of actions by their `do`."""


def read_script(path: Path) -> list[Action]:
    """The actions of a script file (a JSON list, ordered by `at`), with the pixels of their masks;
    paths of masks are relative to the script's folder.

    Raises:
        UserError: a file cannot be read, or is no script: with the action and the key.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"script {path} cannot be read ({error.strerror}): check the path"
        ) from None
    except ValueError as error:
        raise UserError(f"script {path} is no JSON: {error}") from error
    if not isinstance(tree, list):
        raise UserError(
            f"script {path}: got {type(tree).__name__}, expected a list such as "
            '[{"do": "steer", "at": 2, "instruction": "sky"}]'
        )
    try:
        actions = SCRIPT.validate_python(tree)
    except ValidationError as error:
        problems = "; ".join(_problem(tree, item) for item in error.errors()[:3])
        raise UserError(f"script {path}: {problems} (docs/inference.md, steering)") from error
    check_order(actions)
    return [with_loaded_masks(action, path.parent) for action in actions]


def check_order(actions: Sequence[Action]) -> None:
    """Raises UserError if an action has a smaller `at` than the one before it, or takes back more
    steps than there are."""
    for before, after in itertools.pairwise(actions):
        if after.at < before.at:
            raise UserError(
                f"script: an action at {after.at} stands after one at {before.at}: sort them by "
                "`at`, the number of steps painted before"
            )
    taken_back = 0
    for number, action in enumerate(actions, start=1):
        if not isinstance(action, Rewind):
            continue
        if action.steps > action.at - taken_back:
            raise UserError(
                f"script: action {number} (rewind) takes back {action.steps} steps at {action.at}, "
                f"where the painting has {action.at - taken_back}: take back fewer"
            )
        taken_back += action.steps


def follow(rollout: Steered, actions: Sequence[Action]) -> Iterator[Step]:
    """Paint to the end and apply each action at its time; yields steps as they are painted.

    Raises:
        UserError: before the first step if the artist cannot paint a word on request; the painting
            ended before an action's time.
    """
    for action in actions:
        if isinstance(action, Steer) and action.instruction is not None:
            rollout.artist.places_word(action.instruction)
    for action in actions:
        while rollout.num_painted < action.at:
            try:
                yield next(rollout)
            except StopIteration:
                raise UserError(
                    f"the painting ended after {rollout.num_painted} steps, before the action "
                    f"{action.do!r} at {action.at}"
                ) from None
        _do(rollout, action)
    yield from rollout


def _do(rollout: Steered, action: Action) -> None:
    size = (rollout.target.shape[0], rollout.target.shape[1])
    if isinstance(action, Steer):
        masks = [m and m.pixels(size) for m in (action.mask, action.add_mask)]
        rollout.steer(action.instruction, action.add_instruction, *masks)
    elif isinstance(action, Lock):
        rollout.lock(action.mask.pixels(size))
    elif isinstance(action, Unlock):
        rollout.unlock()
    else:
        rollout.rewind(action.steps)


def _problem(tree: list[Any], error: Any) -> str:
    """What is wrong in an action, in words: where, got, expected."""
    place = [str(part) for part in error["loc"]]
    action = tree[int(place[0])]
    kind = action.get("do") if isinstance(action, dict) else None
    where = f"action {int(place[0]) + 1}"
    if not isinstance(action, dict):
        return (
            f'{where}: got {action!r:.60}, expected an object such as {{"do": "unlock", "at": 3}}'
        )
    if kind not in KINDS:
        got = "no `do`" if kind is None else f"do {kind!r:.60}"
        return f"{where}: got {got}, expected one of {', '.join(KINDS)}"
    # The path is number, kind, key, key in it.
    key, where = ".".join(place[2:]), f"{where} ({kind})"
    if error["type"] == "extra_forbidden" and len(place) == 3:
        known = ", ".join(name for name in KINDS[str(kind)].model_fields if name != "do")
        return f"{where}: got the key {key!r}, expected {known}"
    if error["type"] == "missing":
        return f"{where}: the key {key!r} is missing"
    expected = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = expected.removeprefix("expected ")
    return f"{where}: {key}: got {error['input']!r:.60}, expected {expected}"
