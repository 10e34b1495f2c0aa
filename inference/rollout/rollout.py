"""The published loop: look, say what comes next, choose where, paint it, until it is finished.

It knows no networks. Whatever can say, choose and paint is an `Artist`: a trained painter, a
baseline, or a few lines in a test. Canvases are RGB uint8 (H, W, 3) of the target's size; padding
is the artist's own affair and never reaches a measure here.

A `Rollout` is an iterator of steps that can be steered between them: wishes for the next step,
locked regions, steps taken back, and copies that go on by themselves.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.rollout.asks import Ask, Explained, Instruct, Locate, Render, answered, unexplained
from inference.rollout.proposal import Ideas, Proposal, Wish
from inference.rollout.region import Region, RegionConfig, choose_region, unfinished_area
from inference.rollout.steering import Action, Lock, Mask, Rewind, Steer, Unlock
from inference.rollout.steps import Artist, Instruction, Judge, Step
from inference.rollout.stop import StopConfig, StopReason, stop_reason
from ingest.conventions.errors import UserError


@dataclass(frozen=True, eq=False)
class _State:
    """All that the next step depends on; the past is a list of these."""

    canvas: np.ndarray
    previous_mask: np.ndarray | None
    changes: tuple[float, ...]
    distances: tuple[float, ...]
    reason: StopReason | None
    artist: object
    """The artist's own `snapshot`."""


class Rollout(Iterator[Step]):
    """Steps of one painting, painted as they are asked for; the last says why it stopped.

    Args:
        target: RGB uint8 (H, W, 3).
        canvas: where it starts, of the target's size; None for white.
    """

    def __init__(
        self,
        target: np.ndarray,
        artist: Artist,
        judge: Judge,
        interval_s: float,
        region: RegionConfig,
        stop: StopConfig,
        canvas: np.ndarray | None = None,
    ) -> None:
        self.target, self.artist, self.judge = target, artist, judge
        self.interval_s, self.region, self.stop = interval_s, region, stop
        first = white_canvas(target) if canvas is None else canvas
        if first.shape != target.shape:
            raise ValueError(f"a canvas of {first.shape} cannot start a target of {target.shape}")
        self._state = _State(first, None, (), (), None, artist.snapshot())
        self._past: list[_State] = []
        self.steps: list[Step] = []
        """The steps that stand, rewound ones left out."""
        self.actions: list[Action] = []
        """What was asked for so far: with it `replay` paints the same again."""
        self.num_painted = 0
        """Steps painted, rewound ones included; `at` of the next action."""
        self.explained: Explained = unexplained
        self._wish, self._ideas = Wish(), Ideas()
        self._locked: np.ndarray | None = None

    @property
    def canvas(self) -> np.ndarray:
        """The canvas as it stands."""
        return self._state.canvas

    @property
    def is_finished(self) -> bool:
        """The last step said why it was the last."""
        return self._state.reason is not None

    def __next__(self) -> Step:
        if self.is_finished:
            raise StopIteration
        return answered(self.work(), self.artist, self.explained)

    def work(self) -> Generator[Ask, Any, Step]:
        """The next step as questions to the artist, whoever answers them
        (`inference.artist.lockstep`)."""
        proposal, state = (yield from self._proposed()), self._state
        painted = yield Render(
            state.canvas, self.target, proposal.region.mask, proposal.instruction.text,
            self.interval_s, len(self.steps),
        )  # fmt: skip
        return self._taken(proposal, painted)

    def _taken(self, proposal: Proposal, painted: np.ndarray) -> Step:
        """The step that a painted canvas makes, measured and put down."""
        state = self._state
        if self._locked is not None:
            painted = np.where(self._locked[..., None], state.canvas, painted)
        changes = (*state.changes, self.judge.distance(state.canvas, painted))
        distances = (*state.distances, self.judge.distance(painted, self.target))
        reason = stop_reason(changes, distances, self.stop)
        step = Step(
            index=len(self.steps),
            current=state.canvas,
            next=painted,
            instruction=proposal.instruction,
            region=proposal.region,
            difference=proposal.difference,
            interval_s=self.interval_s,
            change=changes[-1],
            distance=distances[-1],
            stop=reason,
        )
        self._past.append(state)
        canvas, mask = self.artist.carry_over(painted), proposal.region.mask
        memory = self.artist.snapshot()
        self._state = _State(canvas, mask, changes, distances, reason, memory)
        self.steps.append(step)
        self.num_painted += 1
        self._wish, self._ideas = Wish(), Ideas()
        return step

    def propose(self) -> Proposal:
        """What the next step will do under the wishes so far; paints nothing, changes nothing."""
        return answered(self._proposed(), self.artist, self.explained)

    def _proposed(self) -> Generator[Ask, Any, Proposal]:
        if self._ideas.proposal is None:
            instruction = yield from self._instruction()
            difference = self._difference()
            region = yield from self._region(instruction.text, difference)
            self._ideas.proposal = Proposal(instruction, region, difference)
        return self._ideas.proposal

    def steer(
        self,
        instruction: str | None = None,
        add_instruction: str | None = None,
        mask: np.ndarray | None = None,
        add_mask: np.ndarray | None = None,
    ) -> None:
        """Wishes for the next step; what is left out stays the painter's choice.

        Args:
            mask, add_mask: bool (H, W) instead of the painter's region, or on top of it.
        """
        asked = Wish(instruction, add_instruction, mask, add_mask)
        given = {
            f.name: v
            for f in dataclasses.fields(asked)
            if (v := getattr(asked, f.name)) is not None
        }
        for name in ("mask", "add_mask"):
            if name in given:
                given[name] = self._checked(given[name])
        self._wish = dataclasses.replace(self._wish, **given)
        self._ideas.proposal = None
        masks = {n: Mask.of(v) for n, v in given.items() if n.endswith("mask")}
        self.actions.append(Steer(at=self.num_painted, **{**given, **masks}))

    def lock(self, mask: np.ndarray) -> None:
        """No step changes these pixels from here on: bool (H, W)."""
        mask = self._checked(mask)
        self._locked = mask if self._locked is None else self._locked | mask
        self._ideas.proposal = None
        self.actions.append(Lock(at=self.num_painted, mask=Mask.of(mask)))

    def unlock(self) -> None:
        """Nothing is locked from here on."""
        self._locked, self._ideas.proposal = None, None
        self.actions.append(Unlock(at=self.num_painted))

    def rewind(self, num_steps: int = 1) -> None:
        """Take back the last steps; the painting goes on from there."""
        if not 1 <= num_steps <= len(self.steps):
            raise UserError(f"cannot rewind {num_steps} steps of {len(self.steps)} painted")
        self._state = self._past[-num_steps]
        del self._past[-num_steps:], self.steps[-num_steps:]
        self.artist.restore(self._state.artist)
        self._wish, self._ideas = Wish(), Ideas()
        self.actions.append(Rewind(at=self.num_painted, steps=num_steps))

    def branch(self) -> Rollout:
        """A copy that goes on by itself from here, with an artist of its own."""
        twin = copy.copy(self)
        twin.artist = self.artist.twin()
        twin.artist.restore(self._state.artist)
        twin._past, twin.steps, twin.actions = [*self._past], [*self.steps], [*self.actions]
        twin._ideas = copy.copy(self._ideas)
        return twin

    def replay(self, actions: Sequence[Action]) -> Iterator[Step]:
        """Paint to the end, doing each action at its time; steps come as they are painted.

        Raises:
            UserError: the painting ended before an action's time.
        """
        for action in actions:
            while self.num_painted < action.at:
                try:
                    yield next(self)
                except StopIteration:
                    raise UserError(
                        f"the painting ended after {self.num_painted} steps, before the action "
                        f"{action.do!r} at {action.at}"
                    ) from None
            self._do(action)
        yield from self

    def _do(self, action: Action) -> None:
        size = (self.target.shape[0], self.target.shape[1])
        if isinstance(action, Steer):
            masks = [m and m.pixels(size) for m in (action.mask, action.add_mask)]
            self.steer(action.instruction, action.add_instruction, *masks)
        elif isinstance(action, Lock):
            self.lock(action.mask.pixels(size))
        elif isinstance(action, Unlock):
            self.unlock()
        else:
            self.rewind(action.steps)

    def _instruction(self) -> Generator[Ask, Any, Instruction]:
        wish = self._wish
        if wish.instruction is not None:
            words, confidence = wish.instruction, None
        else:
            own = self._ideas.own_instruction
            if own is None:
                own = yield Instruct(self.canvas, self.target)
                self._ideas.own_instruction = own
            words, confidence = own.text, own.confidence
        if wish.add_instruction:
            words = f"{words}, {wish.add_instruction}"
        return Instruction(words, confidence)

    def _difference(self) -> np.ndarray:
        if self._ideas.difference is None:
            self._ideas.difference = self.judge.difference(self.canvas, self.target)
        return self._ideas.difference

    def _region(self, instruction: str, difference: np.ndarray) -> Generator[Ask, Any, Region]:
        wish = self._wish
        if wish.mask is not None:
            chosen = Region(wish.mask, 0.0)
        else:
            # However often a proposal was asked for, the artist looks as if for the first time.
            self.artist.restore(self._state.artist)
            chosen = yield from self._own_region(instruction, difference)
        mask = chosen.mask if wish.add_mask is None else chosen.mask | wish.add_mask
        mask = mask if self._locked is None else mask & ~self._locked
        return Region(mask, chosen.threshold)

    def _own_region(self, instruction: str, difference: np.ndarray) -> Generator[Ask, Any, Region]:
        ask = Locate(self.canvas, self.target, difference, instruction, self.interval_s)
        previous, rule = self._state.previous_mask, self.region
        if rule.look_again:
            # How often is decided by what is seen, so the artist is asked right here.
            with self.explained(ask.doing):
                return choose_region(lambda: ask.answer(self.artist), previous, rule)
        probability = yield ask
        unfinished = None
        if rule.only_unfinished:
            unfinished = unfinished_area(self.canvas, self.target)
        return choose_region(lambda: probability, previous, rule, unfinished)

    def _checked(self, mask: np.ndarray) -> np.ndarray:
        mask = np.asarray(mask)
        if mask.shape != self.target.shape[:2]:
            raise UserError(
                f"a mask of {mask.shape} does not fit the canvas of {self.target.shape[:2]}: give "
                "a bool array (height, width)"
            )
        return mask.astype(bool)


def white_canvas(target: np.ndarray) -> np.ndarray:
    """I_0: pure white, of the target's size."""
    return np.full_like(target, 255)


def paint(
    target: np.ndarray,
    artist: Artist,
    judge: Judge,
    interval_s: float,
    region: RegionConfig,
    stop: StopConfig,
    canvas: np.ndarray | None = None,
) -> Rollout:
    """Paint `target` from a white canvas, or go on from `canvas`: an iterator of steps."""
    return Rollout(target, artist, judge, interval_s, region, stop, canvas)
