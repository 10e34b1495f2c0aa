"""Segments canvas and occluders with pretrained networks: Grounding DINO boxes, SAM masks.

Both are transformers' own classes, loaded from any folder or hub name. torch and transformers are
imported late and nowhere else in this package, so only the actors that run the networks load them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ingest.conventions.errors import UserError
from ingest.video.canvas.mask_outline import quad_of_mask
from ingest.video.segmentation.segmenter import SegmenterConfig, batches

MIN_CANVAS = 0.05
"""Least area of the box of a canvas, as a share of the picture."""
MAX_BOXES = 12
"""Most occluders per picture; those with the highest scores are taken."""


class GroundedSegmenter:
    """The `Segmenter` of a config; raises UserError if a network cannot be loaded.

    Args:
        device: cpu, cuda, cuda:1, ...; auto takes a GPU if there is one.
    """

    def __init__(self, config: SegmenterConfig, device: str = "auto") -> None:
        for key, name in (("model", config.model), ("mask_model", config.mask_model)):
            if name.startswith((".", "/", "~")) and not Path(name).is_dir():
                raise UserError(f"ingest.segmenter.{key}: no folder {name}: give its full path")
        import torch

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.config, self.device = config, device
        self._detector, self._words = _load(config.model, "grounding-dino", "model", device)
        self._masker, self._points = _load(config.mask_model, "sam", "mask_model", device)

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        """The corners (4, 2) of the highest-scoring canvas in each picture; None without one."""
        found: list[np.ndarray | None] = []
        for part in batches(images, self.config.batch_size):
            boxes = [
                _best_canvas(scores, boxes, image.shape)
                for (scores, boxes), image in zip(
                    self._boxes(part, self.config.canvas_text), part, strict=True
                )
            ]
            for masks in self._masks(part, boxes):
                found.append(quad_of_mask(masks[0]) if len(masks) else None)
        return found

    def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The union of all occluders (`cover_text` of the config) in each picture: bool (h, w)."""
        found: list[np.ndarray] = []
        for part in batches(images, self.config.batch_size):
            boxes = [
                boxes[np.argsort(-scores, kind="stable")][:MAX_BOXES]
                for scores, boxes in self._boxes(part, self.config.cover_text)
            ]
            found += [np.any(masks, axis=0) for masks in self._masks(part, boxes)]
        return found

    def _boxes(
        self, images: Sequence[np.ndarray], text: str
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """(scores (n,), boxes (n, 4) as left, top, right, bottom in pixels) of each picture."""
        import torch

        inputs = self._words(
            images=list(images), text=[text] * len(images), padding=True, return_tensors="pt"
        ).to(self.device)
        with torch.inference_mode():
            outputs = self._detector(**inputs)
        results = self._words.post_process_grounded_object_detection(
            outputs,
            inputs["input_ids"],
            threshold=self.config.box_threshold,
            text_threshold=self.config.text_threshold,
            target_sizes=[image.shape[:2] for image in images],
        )
        found = []
        for result in results:
            scores, boxes = (result[name].float().cpu().numpy() for name in ("scores", "boxes"))
            # transformers returns one empty label if there is no box.
            labels = result["text_labels"][: len(scores)]
            named = np.array([bool(label.strip()) for label in labels], bool)
            found.append((scores[named], boxes[named]))
        return found

    def _masks(self, images: Sequence[np.ndarray], boxes: list[np.ndarray]) -> list[np.ndarray]:
        """The mask of every box in each picture: bool (number of boxes, h, w)."""
        import torch

        masks = [np.zeros((0, *image.shape[:2]), bool) for image in images]
        places = [i for i, found in enumerate(boxes) if len(found)]
        if not places:
            return masks
        # SAM needs equally many boxes in all pictures of a batch, so the first ones are repeated.
        most = max(len(boxes[i]) for i in places)
        filled = [np.resize(boxes[i], (most, 4)).astype(float).tolist() for i in places]
        inputs = self._points(
            [images[i] for i in places], input_boxes=filled, return_tensors="pt"
        ).to(self.device, dtype=torch.float32)
        with torch.inference_mode():
            outputs = self._masker(
                pixel_values=inputs["pixel_values"],
                input_boxes=inputs["input_boxes"],
                multimask_output=False,
            )
        drawn = self._points.image_processor.post_process_masks(
            outputs.pred_masks.cpu(),
            inputs["original_sizes"].int().cpu(),
            inputs["reshaped_input_sizes"].int().cpu(),
        )
        for i, found in zip(places, drawn, strict=True):
            masks[i] = found[: len(boxes[i]), 0].numpy()
        return masks


def _best_canvas(scores: np.ndarray, boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The box with the highest score among those large enough, (1, 4); (0, 4) without one."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    large = sides.prod(axis=1) >= MIN_CANVAS * shape[0] * shape[1]
    order = np.argsort(-scores, kind="stable")
    return boxes[order][large[order]][:1]


def _load(name: str, kind: str, key: str, device: str) -> tuple[Any, Any]:
    """Network (evaluation mode) and processor of a folder or hub name."""
    from transformers import (
        AutoConfig,
        AutoProcessor,
        GroundingDinoForObjectDetection,
        SamModel,
    )

    classes: dict[str, Any] = {"grounding-dino": GroundingDinoForObjectDetection, "sam": SamModel}
    try:
        # The config is loaded first: without internet every file costs 20 s of retries.
        found = AutoConfig.from_pretrained(name).model_type
        if found != kind:
            raise UserError(
                f"ingest.segmenter.{key}: {name} holds a {found!r} model, expected {kind!r}"
            )
        processor = AutoProcessor.from_pretrained(name)
        model, report = classes[kind].from_pretrained(name, output_loading_info=True)
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"ingest.segmenter.{key}: {name!r} cannot be loaded "
            f"({' '.join(str(error).split())[:200]}): give a folder in the transformers layout, or "
            "a hub name on a machine with a network"
        ) from error
    if report["missing_keys"]:
        raise UserError(
            f"ingest.segmenter.{key}: {name} lacks {len(report['missing_keys'])} weights, "
            f"{min(report['missing_keys'])} first: fetch or save it again"
        )
    return model.to(device).eval(), processor
