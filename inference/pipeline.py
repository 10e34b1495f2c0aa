"""`InversePaintingPipeline`: a painter as a diffusers pipeline.

::

    pipeline = InversePaintingPipeline.from_pretrained("painter/", torch_dtype=torch.bfloat16)
    pipeline.to("cuda")                      # or enable_model_cpu_offload()
    painting = pipeline.paint(picture)       # a path, a PIL image, or RGB uint8 (H, W, 3)
    for step in painting:
        print(step.instruction.text, step.region.area)
    painting.save("out/lake")                # film, GIF, contact sheet, page, frames, session

Parts, such as the scheduler, are attributes and may be replaced. The folder is the painter folder
of docs/training.md: diffusers' index with an additional `painter.json`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from huggingface_hub import file_exists

from inference.artist.batched_rollouts import BatchedRollouts
from inference.command.from_python import refuse_scripts
from inference.command.painting_context import PaintingContext
from inference.command.painting_result import Painting
from inference.command.rollout_setup import resized_to_canvas, start_rollout
from inference.inputs.picture import as_picture
from inference.loading.memory_config import MemoryConfig
from inference.loading.part_loading import PartLoader
from inference.memory.weight_bytes import dtype_of
from inference.output.session import PainterRecord
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError
from labeling.regions.perceptual import PerceptualDistance
from training.painter.device import resolve_device
from training.painter.folder import (
    ALL_PARTS,
    OPTIONAL_PARTS,
    PainterSettings,
    local_folder,
    save_painter,
)
from training.painter.model_card import CARD_FILE, write_model_card
from training.painter.painter import Painter

PART_NAMES = (*ALL_PARTS, *OPTIONAL_PARTS)
"""Names of all parts that a painter may have."""


class InversePaintingPipeline(DiffusionPipeline):
    """All parts of a painter and its settings."""

    model_cpu_offload_seq = (
        "instruction_model->text_encoder->image_encoder->reference_unet->canvas_encoder->"
        "next_image_adapter->mask_unet->unet->vae"
    )
    _optional_components: ClassVar[list[str]] = [*PART_NAMES]

    def __init__(
        self,
        settings: PainterSettings,
        scheduler: Any = None,
        vae: Any = None,
        unet: Any = None,
        reference_unet: Any = None,
        canvas_encoder: Any = None,
        next_image_adapter: Any = None,
        time_encoder: Any = None,
        image_encoder: Any = None,
        text_encoder: Any = None,
        tokenizer: Any = None,
        mask_unet: Any = None,
        mask_time_encoder: Any = None,
        mask_text_encoder: Any = None,
        instruction_model: Any = None,
        instruction_processor: Any = None,
    ) -> None:
        # diffusers moves and casts the parts that stand in this signature.
        given = {name: value for name, value in locals().items() if name in PART_NAMES}
        super().__init__()
        self.register_modules(**given)
        self.settings = settings

    @classmethod
    def from_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        folder: str | Path,
        torch_dtype: torch.dtype | Literal["auto"] | None = None,
        memory: MemoryConfig | None = None,
        device_map: str | torch.device | None = None,
        local_files_only: bool = False,
        **parts: Any,
    ) -> InversePaintingPipeline:
        """A painter from a folder or a hub name.

        Args:
            torch_dtype: number format of the networks; time encoders stay in float32. "auto": the
                format in which the UNets are stored.
            memory: tiles, slices and bits; `offload` is what `enable_model_cpu_offload` (network)
                and `enable_sequential_cpu_offload` (layer) do.
            device_map: one device for all parts, as `pipeline.to(device)`.
            local_files_only: take a hub repository from the cache, without network.
            parts: used instead of the folder's own, by name (``scheduler=...``).

        Raises:
            UserError: no such folder, not a painter, a part that is missing or damaged, or an
                option of diffusers that painters do not have (it is named).
        """
        memory = memory or MemoryConfig()
        _check_options(parts)
        _check_placement(torch_dtype, device_map, memory)
        bits_on = resolve_device("auto") if memory.llava_bits else torch.device("cpu")
        place = local_folder(folder, local_files_only)
        loader = PartLoader.of(place, bits_on, memory)
        dtype = _stored_dtype(loader) if torch_dtype == "auto" else torch_dtype
        loader = dataclasses.replace(loader, dtype=dtype)
        replaced = {name: part for name, part in parts.items() if name in PART_NAMES}
        found = {name: loader.load(name) for name in loader.classes if name not in replaced}
        pipeline = cls(loader.settings, **{**found, **replaced})
        if memory.offload == "layer":
            pipeline.enable_sequential_cpu_offload()
        elif memory.offload == "network":
            pipeline.enable_model_cpu_offload()
        return pipeline if device_map is None else pipeline.to(resolve_device(str(device_map)))

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
            for name in PART_NAMES
            if getattr(self, name, None) is not None
        }

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the networks; time encoders stay in float32."""
        for name, part in self.parts.items():
            if isinstance(part, torch.nn.Module) and "time_encoder" not in name:
                return cast(Any, part).dtype
        return torch.float32

    @property
    def painter(self) -> Painter:
        """The networks as a `Painter`."""
        # Offloaded weights are on another device than that of the computation.
        return Painter(self.parts, self.settings, self._execution_device)

    def paint(self, picture: Any, config: InferenceConfig | None = None) -> Painting:
        """Paint a picture; returns an iterator of steps that can be steered and saved.

        Args:
            picture: a path, a PIL image, or RGB uint8 (H, W, 3); scaled as `config.picture` says.
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
        refuse_scripts(config.model_copy(update={"painter": "pipeline"}))
        record = PainterRecord(name="pipeline", preset=self.settings.preset.name, fingerprint="")
        painter = self.painter
        return PaintingContext(painter, record, PerceptualDistance(str(painter.device)), config)

    def _started(self, picture: Any, context: PaintingContext) -> Painting:
        given = as_picture(picture, context.config.picture)
        return start_rollout(context, resized_to_canvas(given, context))

    def __call__(self, picture: Any, config: InferenceConfig | None = None) -> Painting:
        """Paint a picture to its end; ``.images`` of the result are the canvases, as of any
        diffusers pipeline, and ``.save(folder)`` writes film, page and session."""
        return self.paint(picture, config).paint_to_end()


def _check_options(options: Mapping[str, Any]) -> None:
    """Raises UserError for options of diffusers' `from_pretrained` that painters do not have."""
    # A painter is loaded like this anyway.
    defaults = (("variant", None), ("use_safetensors", None), ("use_safetensors", True))
    hints = {
        "variant": "a painter has one set of weights, choose its number format by torch_dtype",
        "use_safetensors": "the weights of a painter are always safetensors, leave it out",
    }
    other = (
        "expected torch_dtype, memory, device_map, local_files_only or a part "
        f"({', '.join(PART_NAMES)}): leave it out; for other revisions or folders of the hub fetch "
        "them by huggingface_hub.snapshot_download and give the path"
    )
    for name, value in options.items():
        if name not in PART_NAMES and (name, value) not in defaults:
            raise UserError(
                f"from_pretrained has no option {name}={value!r:.60}: {hints.get(name, other)}"
            )


def _check_placement(torch_dtype: Any, device_map: Any, memory: MemoryConfig) -> None:
    """Raises UserError for a number format or places that are not the same for all parts."""
    if torch_dtype not in (None, "auto") and not isinstance(torch_dtype, torch.dtype):
        raise UserError(
            f"from_pretrained: torch_dtype={torch_dtype!r:.60}, expected a torch.dtype, 'auto' or "
            "None: all networks of a painter have one number format"
        )
    spreads = ("auto", "balanced", "balanced_low_0", "sequential")
    if isinstance(device_map, Mapping) or device_map in spreads:
        raise UserError(
            f"from_pretrained: device_map={device_map!r:.60} spreads the parts over devices, "
            "expected one device such as 'cuda': use it, or memory=MemoryConfig(offload='network')"
        )
    if device_map is not None and memory.offload != "none":
        raise UserError(
            f"from_pretrained: device_map={device_map!r:.60} and memory.offload={memory.offload} "
            "contradict each other: give one of them"
        )


def _stored_dtype(loader: PartLoader) -> torch.dtype:
    """The number format in which the UNets are stored (any network's, for a painter without)."""
    for name in ("unet", "mask_unet", *loader.classes):
        if any((loader.folder / name).glob("*.safetensors")):
            return dtype_of(loader.folder / name)
    return torch.float32
