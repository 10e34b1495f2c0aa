"""Several paintings in lockstep: what they ask at the same moment is answered in one batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from inference.artist.artist import PainterArtist
from inference.artist.crew import Crew, crew_key
from inference.rollout.asks import KINDS, Ask, Instruct, Locate
from inference.rollout.rollout import Rollout
from inference.rollout.steps import Artist, Step

Work = Generator[Ask, Any, Step]


class Together(Iterator[list[Step | None]]):
    """Rounds of one step for every painting that goes on, until all are finished.

    Each `Rollout` stays its own: between rounds it can be steered, and it stops when it likes.
    Paintings of one size share the networks' passes; others go beside them.
    """

    def __init__(self, rollouts: Sequence[Rollout]) -> None:
        self.rollouts = list(rollouts)
        self._crews: dict[tuple[int, ...], Crew] = {}

    def __next__(self) -> list[Step | None]:
        """The next step of every painting, None of those that were finished before."""
        going = {n: rollout for n, rollout in enumerate(self.rollouts) if not rollout.is_finished}
        if not going:
            raise StopIteration
        # Crews of paintings that are through would keep their targets in memory.
        here = {id(rollout.artist) for rollout in going.values()}
        self._crews = {ids: crew for ids, crew in self._crews.items() if here.issuperset(ids)}
        steps: list[Step | None] = [None] * len(self.rollouts)
        works: dict[int, Work] = {n: rollout.work() for n, rollout in going.items()}
        pending: dict[int, Ask] = {n: next(work) for n, work in works.items()}
        while pending:
            # The earliest question first, so that those behind catch up and render together.
            kind = min((type(ask) for ask in pending.values()), key=KINDS.index)
            asked = {n: ask for n, ask in pending.items() if type(ask) is kind}
            for n, answer in self._answers(asked).items():
                try:
                    pending[n] = works[n].send(answer)
                except StopIteration as end:
                    steps[n] = end.value
                    del pending[n]
        return steps

    def _answers(self, asked: dict[int, Ask]) -> dict[int, Any]:
        """Answers to questions of one kind, by painting."""
        answers: dict[int, Any] = {}
        groups: dict[object, list[int]] = {}
        for n, ask in asked.items():
            artist = self.rollouts[n].artist
            if isinstance(artist, PainterArtist):
                groups.setdefault(crew_key(artist.state), []).append(n)
            else:
                with self.rollouts[n].explained(ask.doing):
                    answers[n] = ask.answer(artist)
        for members in groups.values():
            asks = [asked[n] for n in members]
            others = f" of {len(members)} paintings in a batch" if len(members) > 1 else ""
            # Running out of memory is told as the first of the crew tells it.
            with self.rollouts[members[0]].explained(asks[0].doing + others):
                crew = self._crew([self.rollouts[n].artist for n in members])
                answers |= zip(members, _of_crew(crew, asks), strict=True)
        return answers

    def _crew(self, artists: Sequence[Artist]) -> Crew:
        ids = tuple(id(artist) for artist in artists)
        if ids not in self._crews:
            self._crews[ids] = Crew([a.state for a in artists if isinstance(a, PainterArtist)])
        return self._crews[ids]


def _of_crew(crew: Crew, asks: Sequence[Any]) -> list[Any]:
    first = asks[0]
    if isinstance(first, Instruct):
        return crew.instruct(asks)
    return crew.locate(asks) if isinstance(first, Locate) else crew.render(asks)
