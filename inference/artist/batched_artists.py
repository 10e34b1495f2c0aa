"""Answers the requests of several paintings of one painter and one canvas size in one batch.

Target, canvas, noise and cached features of a painting stay in its `PaintingState`.
`BatchedArtists` builds the rows of a batch from them and splits the results. Rows do not depend on
each other, so a painting is the same as if it were painted alone, up to rounding.

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
from inference.rollout.artist_requests import InstructRequest, LocateRequest, RenderRequest
from inference.rollout.steps import Instruction
from labeling.instructions.normalisation import normalise
from training.networks.conditions import Branch, CanvasFeatures, Conditioning, TargetFeatures

FALLBACK_INSTRUCTION = "details"
"""Instruction in place of an answer of the network without any word."""


def batch_key(artist: PaintingState) -> Hashable:
    """Paintings with equal keys can share a batch."""
    return (
        id(artist.painter),
        artist.transform.size,
        artist.sampling.model_dump_json(),
        artist.guidance,
    )


class BatchedArtists:
    """The artists of paintings with one `batch_key`; requests and answers are in their order."""

    def __init__(self, artists: Sequence[PaintingState]) -> None:
        self.artists = list(artists)
        keys = {batch_key(artist) for artist in self.artists}
        if len(keys) != 1:
            raise ValueError(
                f"{len(self.artists)} artists of {len(keys)} painters, sizes or samplers cannot "
                "paint in one batch: group them by batch_key"
            )
        lead = self.artists[0]
        self._painter, self._guidance = lead.painter, lead.guidance
        self._sampling = lead.sampling
        self._target = stacked_targets([artist.target for artist in self.artists])

    @torch.inference_mode()
    def instruct(self, requests: Sequence[InstructRequest]) -> list[Instruction]:
        """`Artist.instruct` of each painting."""
        if "TG" in self._painter.preset.without:
            return [Instruction("", None) for _ in requests]
        pairs = list(zip(self.artists, requests, strict=True))
        canvases = [artist.transform.scaled(request.canvas) for artist, request in pairs]
        targets = [artist.transform.scaled(request.target) for artist, request in pairs]
        answers = self.artists[0].instruction_model().instruct(canvases, targets)
        return [
            Instruction(normalise(text) or FALLBACK_INSTRUCTION, sure) for text, sure in answers
        ]

    @torch.inference_mode()
    def locate(self, requests: Sequence[LocateRequest]) -> list[np.ndarray]:
        """`Artist.locate` of each painting."""
        if "MG" in self._painter.preset.without:
            return [np.ones(request.target.shape[:2], np.float32) for request in requests]
        pairs = list(zip(self.artists, requests, strict=True))
        differences = [
            artist.transform.mask_tensor(request.difference) for artist, request in pairs
        ]
        probabilities = self._painter.mask_probability(
            torch.cat([artist.features(request.canvas).latents for artist, request in pairs]),
            self._target.latents,
            torch.cat(differences).to(self._painter.device),
            self._painter.encode_text([request.instruction for request in requests], for_mask=True),
            self._seconds(requests),
        )
        rows = probabilities.split(1)
        return [
            a.full_size_probability(request, row)
            for (a, request), row in zip(pairs, rows, strict=True)
        ]

    @torch.inference_mode()
    def render(self, requests: Sequence[RenderRequest]) -> list[np.ndarray]:
        """`Artist.render` of each painting."""
        # Decoded one by one: images at full size take far more memory than latents.
        rows = self._next_latents(requests).split(1)
        return [
            artist.next_canvas(request, row)
            for artist, request, row in zip(self.artists, requests, rows, strict=True)
        ]

    @torch.inference_mode()
    def conditioning(
        self, requests: Sequence[RenderRequest], branches: Sequence[Branch]
    ) -> Conditioning:
        """The conditioning of an update, with a row for each of `branches` and each painting."""
        return self._conditioning(requests, self._regions(requests), branches)

    def _next_latents(self, requests: Sequence[RenderRequest]) -> Tensor:
        """Clean latents of the next canvases, (P, C, h, w)."""
        painter, sampling, guidance = self._painter, self._sampling, self._guidance
        regions = self._regions(requests)
        conditioning = self._conditioning(requests, regions, guidance.branches)
        num_steps = sampling.num_steps or painter.settings.num_steps
        pairs = list(zip(self.artists, requests, strict=True))
        blend_latents = torch.cat(
            [artist.blend_latents(request.canvas) for artist, request in pairs]
        )
        num_paintings, *shape = self._target.latents.shape
        return sample_latents(
            lambda latents, t: guidance.combine(
                painter.predict(latents.to(painter.dtype), t, conditioning)
            ),
            sampler_named(sampling.sampler, painter.part("scheduler")),
            num_steps,
            (num_paintings, shape[0], shape[1], shape[2]),
            [artist.generator(request.index) for artist, request in pairs],
            painter.device,
            canvas_latents=blend_latents,
            inside=functional.interpolate(regions, size=shape[1:], mode="nearest"),
            num_blended=[
                0 if request.index == 0 and is_blank(request.canvas)
                else int(sampling.blended_share * num_steps)
                for request in requests
            ],
        )  # fmt: skip

    def _conditioning(
        self, requests: Sequence[RenderRequest], regions: Tensor, branches: Sequence[Branch]
    ) -> Conditioning:
        pairs = zip(self.artists, requests, strict=True)
        canvases = _stacked_canvases([artist.features(request.canvas) for artist, request in pairs])
        text = self._painter.encode_text([request.instruction for request in requests])
        seconds = self._seconds(requests)
        return self._painter.condition(
            self._target, canvases, regions, text, seconds, keep=branches
        )

    def _regions(self, requests: Sequence[RenderRequest]) -> Tensor:
        pairs = zip(self.artists, requests, strict=True)
        regions = [artist.transform.region_tensor(request.mask) for artist, request in pairs]
        return torch.cat(regions).to(self._painter.device)

    def _seconds(self, requests: Sequence[LocateRequest] | Sequence[RenderRequest]) -> Tensor:
        return torch.tensor(
            [request.interval_s for request in requests], device=self._painter.device
        )


def is_blank(canvas: np.ndarray) -> bool:
    """Returns True if the canvas is all white: there is no paint to keep outside of a region."""
    return int(canvas.min()) == 255


def stacked_targets(features: Sequence[TargetFeatures]) -> TargetFeatures:
    """Features of several targets of one size as one batch; those of one target are not copied."""
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
