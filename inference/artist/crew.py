"""Artists of one painter and one canvas size, asked together: the networks run once for all.

What belongs to one painting alone (its target, its canvas, its noise, its memory) stays with its
`PaintingState`; here rows of one batch are made of them and taken apart again. Nothing in a row
looks at another row, so a painting comes out as it would alone, up to rounding.

Legend: P paintings, H x W canvas, C x h x w latents.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.artist.painting_state import PaintingState
from inference.artist.sampling import sample_latents, sampler_named
from inference.rollout.asks import Instruct, Locate, Render
from inference.rollout.steps import Instruction
from labeling.instructions.wording import normalise
from training.networks.conditions import Branch, CanvasFeatures, Conditioning, TargetFeatures

WORDLESS = "details"
"""What an instruction is taken for that holds no word at all."""


def crew_key(artist: PaintingState) -> Hashable:
    """Artists with equal keys can work in one crew."""
    return (
        id(artist.painter), artist.framing.size, artist.sampling.model_dump_json(), artist.guidance,
    )  # fmt: skip


class Crew:
    """Answers for artists of one `crew_key`; asks and answers are in their order."""

    def __init__(self, artists: Sequence[PaintingState]) -> None:
        self.artists = list(artists)
        keys = {crew_key(artist) for artist in self.artists}
        if len(keys) != 1:
            raise ValueError(
                f"{len(self.artists)} artists of {len(keys)} painters, sizes or samplers cannot "
                "paint in one batch: group them by crew_key"
            )
        lead = self.artists[0]
        self._painter, self._guidance = lead.painter, lead.guidance
        self._sampling = lead.sampling
        self._target = stacked_targets([artist.target for artist in self.artists])

    @torch.inference_mode()
    def instruct(self, asks: Sequence[Instruct]) -> list[Instruction]:
        """`Artist.instruct` of each."""
        if "TG" in self._painter.preset.without:
            return [Instruction("", None) for _ in asks]
        pairs = list(zip(self.artists, asks, strict=True))
        canvases = [artist.framing.scaled(ask.canvas) for artist, ask in pairs]
        targets = [artist.framing.scaled(ask.target) for artist, ask in pairs]
        answers = self.artists[0].language().instruct(canvases, targets)
        return [Instruction(normalise(text) or WORDLESS, sure) for text, sure in answers]

    @torch.inference_mode()
    def locate(self, asks: Sequence[Locate]) -> list[np.ndarray]:
        """`Artist.locate` of each."""
        if "MG" in self._painter.preset.without:
            return [np.ones(ask.target.shape[:2], np.float32) for ask in asks]
        pairs = list(zip(self.artists, asks, strict=True))
        differences = [artist.framing.mask_tensor(ask.difference) for artist, ask in pairs]
        probabilities = self._painter.mask_probability(
            torch.cat([artist.features(ask.canvas).latents for artist, ask in pairs]),
            self._target.latents,
            torch.cat(differences).to(self._painter.device),
            self._painter.encode_text([ask.instruction for ask in asks], for_mask=True),
            self._seconds(asks),
        )
        rows = probabilities.split(1)
        return [a.located(ask, row) for (a, ask), row in zip(pairs, rows, strict=True)]

    @torch.inference_mode()
    def render(self, asks: Sequence[Render]) -> list[np.ndarray]:
        """`Artist.render` of each."""
        # Decoded one by one: pictures at full size would take memory that latents do not.
        rows = self._next_latents(asks).split(1)
        return [
            artist.painted(ask, row)
            for artist, ask, row in zip(self.artists, asks, rows, strict=True)
        ]

    @torch.inference_mode()
    def told(self, asks: Sequence[Render], branches: Sequence[Branch]) -> Conditioning:
        """What an update tells the UNet, in each of `branches` for each painting."""
        return self._told(asks, self._regions(asks), branches)

    def _next_latents(self, asks: Sequence[Render]) -> Tensor:
        """Clean latents of the next canvases, (P, C, h, w)."""
        painter, sampling, guidance = self._painter, self._sampling, self._guidance
        regions = self._regions(asks)
        given = self._told(asks, regions, guidance.branches)
        num_steps = sampling.num_steps or painter.settings.num_steps
        pairs = list(zip(self.artists, asks, strict=True))
        blended = torch.cat([artist.blended(ask.canvas) for artist, ask in pairs])
        num_paintings, *shape = self._target.latents.shape
        return sample_latents(
            lambda latents, t: guidance.combine(
                painter.predict(latents.to(painter.dtype), t, given)
            ),
            sampler_named(sampling.sampler, painter.part("scheduler")),
            num_steps,
            (num_paintings, shape[0], shape[1], shape[2]),
            [artist.generator(ask.index) for artist, ask in pairs],
            painter.device,
            canvas_latents=blended,
            inside=functional.interpolate(regions, size=shape[1:], mode="nearest"),
            num_blended=[
                0 if ask.index == 0 and is_bare(ask.canvas)
                else int(sampling.blended_share * num_steps)
                for ask in asks
            ],
        )  # fmt: skip

    def _told(
        self, asks: Sequence[Render], regions: Tensor, branches: Sequence[Branch]
    ) -> Conditioning:
        pairs = zip(self.artists, asks, strict=True)
        canvases = _stacked_canvases([artist.features(ask.canvas) for artist, ask in pairs])
        text = self._painter.encode_text([ask.instruction for ask in asks])
        seconds = self._seconds(asks)
        return self._painter.condition(
            self._target, canvases, regions, text, seconds, keep=branches
        )

    def _regions(self, asks: Sequence[Render]) -> Tensor:
        pairs = zip(self.artists, asks, strict=True)
        regions = [artist.framing.region_tensor(ask.mask) for artist, ask in pairs]
        return torch.cat(regions).to(self._painter.device)

    def _seconds(self, asks: Sequence[Locate] | Sequence[Render]) -> Tensor:
        return torch.tensor([ask.interval_s for ask in asks], device=self._painter.device)


def is_bare(canvas: np.ndarray) -> bool:
    """The canvas is white: there is nothing that the outside of a region could keep."""
    return int(canvas.min()) == 255


def stacked_targets(features: Sequence[TargetFeatures]) -> TargetFeatures:
    """Features of several targets of one size as those of one batch; of one alone, as they are."""
    if len(features) == 1:
        return features[0]
    return TargetFeatures(
        torch.cat([one.rgb for one in features]),
        torch.cat([one.latents for one in features]),
        torch.cat([one.pooled for one in features]),
        {
            path: torch.cat([one.reference[path] for one in features])
            for path in features[0].reference
        },
    )


def _stacked_canvases(features: Sequence[CanvasFeatures]) -> CanvasFeatures:
    return CanvasFeatures(
        torch.cat([one.rgb for one in features]),
        torch.cat([one.latents for one in features]),
        torch.cat([one.pooled for one in features]),
    )
