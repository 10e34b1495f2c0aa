"""Runs several rollouts in lockstep and answers their simultaneous requests in one batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from inference.artist.artist import PainterArtist
from inference.artist.batched_artists import BatchedArtists, batch_key
from inference.rollout.artist_requests import REQUEST_ORDER, InstructRequest, LocateRequest, Request
from inference.rollout.rollout import Rollout
from inference.rollout.steps import Artist, Step

StepGenerator = Generator[Request, Any, Step]
"""`Rollout.step_requests`: yields requests, takes answers, returns the step."""


class BatchedRollouts(Iterator[list[Step | None]]):
    """Iterator over rounds of one step for every unfinished painting, until all are finished.

    Each `Rollout` is independent: it can be steered between rounds, and it has its own stop.
    Paintings of one size share the forward passes; others are painted in the same round.
    """

    def __init__(self, rollouts: Sequence[Rollout]) -> None:
        self.rollouts = list(rollouts)
        self._batches: dict[tuple[int, ...], BatchedArtists] = {}

    def __next__(self) -> list[Step | None]:
        """The next step of every painting; None for those that were finished before."""
        active = {n: rollout for n, rollout in enumerate(self.rollouts) if not rollout.is_finished}
        if not active:
            raise StopIteration
        # Batches with finished paintings would keep their targets in memory.
        here = {id(rollout.artist) for rollout in active.values()}
        self._batches = {ids: batch for ids, batch in self._batches.items() if here.issuperset(ids)}
        steps: list[Step | None] = [None] * len(self.rollouts)
        generators: dict[int, StepGenerator] = {
            n: rollout.step_requests() for n, rollout in active.items()
        }
        pending: dict[int, Request] = {}
        # None starts a generator.
        answers: dict[int, Any] = dict.fromkeys(active)
        while True:
            for n, answer in answers.items():
                try:
                    pending[n] = generators[n].send(answer)
                except StopIteration as end:
                    steps[n] = end.value
                    pending.pop(n, None)
            if not pending:
                return steps
            # The earliest kind first: paintings that are behind catch up, and all render together.
            kind = min((type(request) for request in pending.values()), key=REQUEST_ORDER.index)
            requests = {n: request for n, request in pending.items() if type(request) is kind}
            answers = self._answers(requests)

    def _answers(self, requests: dict[int, Request]) -> dict[int, Any]:
        """Answers to requests of one kind, by painting."""
        answers: dict[int, Any] = {}
        groups: dict[object, list[int]] = {}
        for n, request in requests.items():
            artist = self.rollouts[n].artist
            if isinstance(artist, PainterArtist):
                groups.setdefault(batch_key(artist.state), []).append(n)
            else:
                with self.rollouts[n].error_context(request.activity):
                    answers[n] = request.answer(artist)
        for members in groups.values():
            asked = [requests[n] for n in members]
            others = f" of {len(members)} paintings in a batch" if len(members) > 1 else ""
            # The first painting's context reports errors of the batch, such as missing memory.
            with self.rollouts[members[0]].error_context(asked[0].activity + others):
                batch = self._batch([self.rollouts[n].artist for n in members])
                answers |= zip(members, _responses(batch, asked), strict=True)
        return answers

    def _batch(self, artists: Sequence[Artist]) -> BatchedArtists:
        """The batch of these artists, from the cache if they were a batch before."""
        ids = tuple(id(artist) for artist in artists)
        if ids not in self._batches:
            self._batches[ids] = BatchedArtists(
                [a.state for a in artists if isinstance(a, PainterArtist)]
            )
        return self._batches[ids]


def _responses(batch: BatchedArtists, requests: Sequence[Any]) -> list[Any]:
    """Answers of a batch to requests of one kind."""
    first = requests[0]
    if isinstance(first, InstructRequest):
        return batch.instruct(requests)
    return batch.locate(requests) if isinstance(first, LocateRequest) else batch.render(requests)
