"""The painting loop: next instruction, region, next canvas, repeated until the stop rule ends it.

It contains no networks. An `Artist` predicts instruction, region and canvas: a trained painter, a
baseline, or a few lines in a test. Canvases are RGB uint8 (H, W, 3) of the target's size. Padding
is internal to the artist and enters no measure here.

A `Rollout` is an iterator of steps. Between steps it can be steered: choices for the next step,
locked regions, steps taken back, and independent copies.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np

from inference.rollout.artist_requests import (
    ErrorContext,
    InstructRequest,
    LocateRequest,
    RenderRequest,
    Request,
    no_error_context,
    run_with_artist,
)
from inference.rollout.region import Region, RegionConfig, choose_region, unfinished_area
from inference.rollout.rollout_state import (
    Proposal,
    ProposalCache,
    RolloutState,
    StepOverrides,
    fitting_mask,
    unmoved_note,
)
from inference.rollout.script import follow
from inference.rollout.steering import Action, Lock, Mask, Rewind, Steer, Unlock
from inference.rollout.steps import Artist, CanvasMetric, Instruction, Step, check_finite
from inference.rollout.stop import StopConfig, stop_reason
from ingest.conventions.errors import UserError


class Rollout(Iterator[Step]):
    """Iterator over the steps of one painting; the last step holds the reason of the stop.

    Args:
        target: RGB uint8 (H, W, 3).
        canvas: the first canvas, of the target's size; None for white.
    """

    def __init__(
        self,
        target: np.ndarray,
        artist: Artist,
        metric: CanvasMetric,
        interval_s: float,
        region: RegionConfig,
        stop: StopConfig,
        canvas: np.ndarray | None = None,
    ) -> None:
        self.target, self.artist, self.metric = target, artist, metric
        self.interval_s, self.region, self.stop = interval_s, region, stop
        first = white_canvas(target) if canvas is None else canvas
        if first.shape != target.shape:
            raise ValueError(f"a canvas of {first.shape} cannot start a target of {target.shape}")
        self._state = RolloutState(first, None, (), (), None, artist.snapshot())
        self._past: list[RolloutState] = []
        self.steps: list[Step] = []
        """The steps painted so far, without rewound ones."""
        self.actions: list[Action] = []
        """Steering so far; `replay` with it paints the same again."""
        self.num_painted = 0
        """Number of steps painted, rewound ones included; `at` of the next action."""
        self.error_context: ErrorContext = no_error_context
        self._overrides, self._cache = StepOverrides(), ProposalCache()
        self.locked: np.ndarray | None = None
        """Pixels that no further step changes, bool (H, W); None for none."""

    @property
    def canvas(self) -> np.ndarray:
        """The current canvas."""
        return self._state.canvas

    @property
    def is_finished(self) -> bool:
        """Returns True if the stop rule has ended the painting."""
        return self._state.reason is not None

    def __next__(self) -> Step:
        if self.is_finished:
            raise StopIteration
        return run_with_artist(self.step_requests(), self.artist, self.error_context)

    def step_requests(self) -> Generator[Request, Any, Step]:
        """The next step as requests to the artist, which the caller answers
        (`inference.artist.batched_rollouts`)."""
        proposal, state = (yield from self._proposal_requests()), self._state
        painted = yield RenderRequest(
            state.canvas, self.target, proposal.region.mask, proposal.instruction.text,
            self.interval_s, len(self.steps),
        )  # fmt: skip
        return self._record_step(proposal, painted)

    def _record_step(self, proposal: Proposal, painted: np.ndarray) -> Step:
        """Measure a painted canvas, check the stop rule and append the step."""
        state = self._state
        if self.locked is not None:
            painted = np.where(self.locked[..., None], state.canvas, painted)
        changes = (*state.changes, self.metric.distance(state.canvas, painted))
        distances = (*state.distances, self.metric.distance(painted, self.target))
        check_finite(np.array([changes[-1], distances[-1]]), "measuring a canvas")
        reason = stop_reason(changes, distances, self.stop)
        reason = reason or ("arrived" if self.artist.has_finished() else None)
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
            strokes=self.artist.strokes(),
            note=proposal.note,
        )
        self._past.append(state)
        canvas, mask = self.artist.carry_over(painted), proposal.region.mask
        snapshot = self.artist.snapshot()
        self._state = RolloutState(canvas, mask, changes, distances, reason, snapshot)
        self.steps.append(step)
        self.num_painted += 1
        self._overrides, self._cache = StepOverrides(), ProposalCache()
        return step

    def propose(self) -> Proposal:
        """What the next step will paint with the overrides so far; changes nothing."""
        return run_with_artist(self._proposal_requests(), self.artist, self.error_context)

    def _proposal_requests(self) -> Generator[Request, Any, Proposal]:
        if self._cache.proposal is None:
            instruction = yield from self._instruction()
            difference = self._difference()
            unsteered = yield from self._unsteered_region(instruction.text, difference)
            region = yield from self._region(instruction.text, difference)
            note = unmoved_note(instruction.text, region.mask, unsteered)
            self._cache.proposal = Proposal(instruction, region, difference, note)
        return self._cache.proposal

    def steer(
        self,
        instruction: str | None = None,
        add_instruction: str | None = None,
        mask: np.ndarray | None = None,
        add_mask: np.ndarray | None = None,
    ) -> None:
        """Override parts of the next step; None leaves them to the painter.

        Args:
            mask, add_mask: bool (H, W) instead of the painter's region, or on top of it.
        """
        overrides = StepOverrides(instruction, add_instruction, mask, add_mask)
        if instruction is not None:
            self.artist.places_word(instruction)
        given = {name: value for name, value in vars(overrides).items() if value is not None}
        for name in ("mask", "add_mask"):
            if name in given:
                given[name] = fitting_mask(given[name], self.target)
        self._overrides = dataclasses.replace(self._overrides, **given)
        self._cache.proposal = None
        masks = {n: Mask.of(v) for n, v in given.items() if n.endswith("mask")}
        self.actions.append(Steer(at=self.num_painted, **{**given, **masks}))

    def lock(self, mask: np.ndarray) -> None:
        """Keep these pixels, bool (H, W), unchanged in all further steps."""
        mask = fitting_mask(mask, self.target)
        locked = mask if self.locked is None else self.locked | mask
        self.artist.lock(locked)
        self.locked = locked
        self._cache.proposal = None
        self.actions.append(Lock(at=self.num_painted, mask=Mask.of(mask)))

    def unlock(self) -> None:
        """Remove all locks."""
        self.locked, self._cache.proposal = None, None
        self.artist.lock(None)
        self.actions.append(Unlock(at=self.num_painted))

    def rewind(self, num_steps: int = 1) -> None:
        """Take back the last steps; the painting continues from the canvas before them."""
        if not 1 <= num_steps <= len(self.steps):
            raise UserError(f"cannot rewind {num_steps} steps of {len(self.steps)} painted")
        self._state = self._past[-num_steps]
        del self._past[-num_steps:], self.steps[-num_steps:]
        self.artist.restore(self._state.artist)
        self._overrides, self._cache = StepOverrides(), ProposalCache()
        self.actions.append(Rewind(at=self.num_painted, steps=num_steps))

    def branch(self) -> Rollout:
        """An independent copy that continues from here, with its own artist."""
        fork = copy.copy(self)
        fork.artist = self.artist.fork()
        fork.artist.restore(self._state.artist)
        fork._past, fork.steps, fork.actions = [*self._past], [*self.steps], [*self.actions]
        fork._cache = copy.copy(self._cache)
        return fork

    def replay(self, actions: Sequence[Action]) -> Iterator[Step]:
        """`inference.rollout.script.follow`: paint to the end, each action at its time."""
        return follow(self, actions)

    def _instruction(self) -> Generator[Request, Any, Instruction]:
        given = self._overrides
        if given.instruction is not None:
            instruction = Instruction(given.instruction, None)
        else:
            instruction = yield from self._own_instruction()
        if not given.add_instruction:
            return instruction
        return Instruction(f"{instruction.text}, {given.add_instruction}", instruction.confidence)

    def _own_instruction(self) -> Generator[Request, Any, Instruction]:
        own = self._cache.own_instruction
        if own is None:
            own = yield InstructRequest(self.canvas, self.target)
            check_finite(own.confidence or 0.0, "asking for an instruction")
            self._cache.own_instruction = own
        return own

    def _unsteered_region(
        self, instruction: str, difference: np.ndarray
    ) -> Generator[Request, Any, np.ndarray | None]:
        """The region that the artist's own word would choose, bool (H, W); None where no other word
        was given, or where the artist has none or is known to follow those of others."""
        given = self._overrides
        if given.instruction is None or given.mask is not None or not self.artist.has_words():
            return None
        own = yield from self._own_instruction()
        if own.text == instruction or self.artist.places_word(given.instruction):
            return None
        return (yield from self._own_region(own.text, difference)).mask

    def _difference(self) -> np.ndarray:
        if self._cache.difference is None:
            self._cache.difference = self.metric.difference(self.canvas, self.target)
        return self._cache.difference

    def _region(self, instruction: str, difference: np.ndarray) -> Generator[Request, Any, Region]:
        if self._overrides.mask is None:
            return (yield from self._own_region(instruction, difference))
        self.artist.restore(self._state.artist)
        return self._limited(Region(self._overrides.mask, 0.0))

    def _limited(self, chosen: Region) -> Region:
        """With the added mask, without what is locked."""
        added = self._overrides.add_mask
        mask = chosen.mask if added is None else chosen.mask | added
        mask = mask if self.locked is None else mask & ~self.locked
        return Region(mask, chosen.threshold)

    def _own_region(
        self, instruction: str, difference: np.ndarray
    ) -> Generator[Request, Any, Region]:
        # A repeated proposal must give the same region, so the artist's state is reset.
        self.artist.restore(self._state.artist)
        request = LocateRequest(self.canvas, self.target, difference, instruction, self.interval_s)
        previous, rule = self._state.previous_mask, self.region
        if rule.look_again:
            # The number of requests depends on the answers, so they are not yielded.
            with self.error_context(request.activity):
                chosen = choose_region(lambda: request.answer(self.artist), previous, rule)
            return self._limited(chosen)
        probability = yield request
        check_finite(probability, request.activity)
        limits = rule.only_unfinished
        unfinished = unfinished_area(self.canvas, self.target) if limits else None
        return self._limited(choose_region(lambda: probability, previous, rule, unfinished))


def white_canvas(target: np.ndarray) -> np.ndarray:
    """I_0: a white canvas of the target's size."""
    return np.full_like(target, 255)


def paint(
    target: np.ndarray,
    artist: Artist,
    metric: CanvasMetric,
    interval_s: float,
    region: RegionConfig,
    stop: StopConfig,
    canvas: np.ndarray | None = None,
) -> Rollout:
    """A `Rollout` that paints `target` from a white canvas, or continues from `canvas`."""
    return Rollout(target, artist, metric, interval_s, region, stop, canvas)
