"""`InversePaintingPipeline`: a painter as a diffusers pipeline.

::

    pipeline = InversePaintingPipeline.from_pretrained("painter/", torch_dtype=torch.bfloat16)
    pipeline.to("cuda")                                # or enable_model_cpu_offload()
    for step in pipeline.paint(picture):               # RGB uint8 (H, W, 3), or a PIL image
        print(step.instruction.text, step.region.area)

Parts, such as the scheduler, are attributes and may be replaced. The folder is the painter folder
of docs/training.md: diffusers' index with an additional `painter.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from huggingface_hub import file_exists

from inference.artist.batched_rollouts import BatchedRollouts
from inference.command.painting_context import PaintingContext, resolve_device
from inference.command.rollout_setup import start_rollout
from inference.inputs.picture import Picture
from inference.loading.memory_config import MemoryConfig
from inference.loading.part_loading import PartLoader
from inference.model_card import CARD_FILE, write_model_card
from inference.output.session import PainterRecord
from inference.rollout.rollout import Rollout
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError
from ingest.format.images import sha256
from labeling.regions.perceptual import PerceptualDistance
from training.painter.folder import (
    ALL_PARTS,
    OPTIONAL_PARTS,
    PainterSettings,
    save_painter,
)
from training.painter.painter import Painter


class InversePaintingPipeline(DiffusionPipeline):
    """All parts of a painter and its settings."""

    model_cpu_offload_seq = (
        "instruction_model->text_encoder->image_encoder->reference_unet->canvas_encoder->"
        "next_image_adapter->mask_unet->unet->vae"
    )
    _optional_components: ClassVar[list[str]] = [*ALL_PARTS, *OPTIONAL_PARTS]

    def __init__(self, settings: PainterSettings, **parts: Any) -> None:
        super().__init__()
        unknown = sorted(set(parts) - {*ALL_PARTS, *OPTIONAL_PARTS})
        if unknown:
            raise UserError(f"unknown painter parts {unknown}: expected some of {list(ALL_PARTS)}")
        self.register_modules(**parts)
        self.settings = settings

    @classmethod
    def from_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        folder: str | Path,
        torch_dtype: torch.dtype | None = None,
        memory: MemoryConfig | None = None,
        **parts: Any,
    ) -> InversePaintingPipeline:
        """A painter from a folder or a hub name.

        Args:
            torch_dtype: number format of the networks; time encoders stay in float32.
            memory: tiles, slices and bits; `offload` is what `enable_model_cpu_offload` (network)
                and `enable_sequential_cpu_offload` (layer) do.
            parts: used instead of the folder's own, by name (``scheduler=...``).

        Raises:
            UserError: no such folder, not a painter, or a part that is missing or damaged.
        """
        memory = memory or MemoryConfig()
        bits_on = resolve_device("auto") if memory.llava_bits else torch.device("cpu")
        loader = PartLoader.of(folder, bits_on, memory, dtype=torch_dtype)
        found = {name: loader.load(name) for name in loader.classes if name not in parts}
        pipeline = cls(loader.settings, **{**found, **parts})
        if memory.offload != "none":
            is_layer = memory.offload == "layer"
            enable = (
                pipeline.enable_sequential_cpu_offload
                if is_layer
                else (pipeline.enable_model_cpu_offload)
            )
            enable()
        return pipeline

    def save_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, save_directory: str | Path, **options: Any
    ) -> None:
        """Write the painter folder with a model card; a card that is there already is kept.
        ``push_to_hub(repository)`` uploads what this writes."""
        save_painter(self.parts, self.settings, Path(save_directory))
        write_model_card(Path(save_directory), self.settings)

    def _upload_folder(
        self, working_dir: Any, repo_id: str, token: str | None = None, *rest: Any, **named: Any
    ) -> Any:
        # diffusers has replaced our card by an empty one; the card of the repository is kept.
        if not named.get("subfolder") and not file_exists(repo_id, CARD_FILE, token=token):
            (Path(working_dir) / CARD_FILE).unlink(missing_ok=True)
            write_model_card(Path(working_dir), self.settings)
        return super()._upload_folder(working_dir, repo_id, token, *rest, **named)

    @property
    def parts(self) -> dict[str, Any]:
        """Parts of this painter, by name."""
        return {name: part for name, part in self.components.items() if part is not None}

    @property
    def components(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name in (*ALL_PARTS, *OPTIONAL_PARTS)
            if getattr(self, name, None) is not None
        }

    @property
    def painter(self) -> Painter:
        """The networks as a `Painter`."""
        # Offloaded weights are on another device than that of the computation.
        return Painter(self.parts, self.settings, self._execution_device)

    def paint(self, picture: Any, config: InferenceConfig | None = None) -> Rollout:
        """Paint a picture; returns an iterator of steps that can be steered.

        Args:
            picture: RGB uint8 (H, W, 3), or a PIL image.
            config: settings; its `painter` is ignored.
        """
        return self._started(picture, self._easel(config or InferenceConfig()))

    def paint_together(
        self,
        pictures: Sequence[Any],
        config: InferenceConfig | None = None,
        seeds: Sequence[int] | None = None,
    ) -> BatchedRollouts:
        """Paint several pictures, or one with several seeds, in one batch; returns an iterator over
        rounds of one step each.

        Args:
            pictures: as in `paint`; those of one size share the forward passes.
            seeds: one per picture instead of the config's.
        """
        context = self._easel(config or InferenceConfig())
        given = [context.config.rollout.seed] * len(pictures) if seeds is None else seeds
        if len(given) != len(pictures):
            raise UserError(
                f"{len(pictures)} pictures and {len(given)} seeds: give a seed for every picture"
            )
        pairs = zip(pictures, given, strict=True)
        return BatchedRollouts(
            [self._started(picture, context.with_seed(seed)) for picture, seed in pairs]
        )

    def _easel(self, config: InferenceConfig) -> PaintingContext:
        record = PainterRecord(name="pipeline", preset=self.settings.preset.name, fingerprint="")
        painter = self.painter
        return PaintingContext(painter, record, PerceptualDistance(str(painter.device)), config)

    def _started(self, picture: Any, context: PaintingContext) -> Rollout:
        from inference.command.painting import resized_to_canvas

        image = np.ascontiguousarray(
            picture if isinstance(picture, np.ndarray) else picture.convert("RGB")
        )
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise UserError(
                f"a picture is RGB uint8 (H, W, 3), got {image.dtype} {image.shape}: convert it"
            )
        if min(image.shape[:2]) < 4:
            raise UserError(f"a picture of {image.shape[:2]} px cannot be painted: at least 4 x 4")
        size = (image.shape[1], image.shape[0])
        given = Picture(Path("picture.png"), image, sha256(image.tobytes()), size)
        return start_rollout(context, resized_to_canvas(given, context))

    def __call__(self, picture: Any, config: InferenceConfig | None = None) -> list[np.ndarray]:
        """All canvases, the first one white and the last one as the painter left it."""
        rollout = self.paint(picture, config)
        return [rollout.canvas, *(step.next for step in rollout)]
