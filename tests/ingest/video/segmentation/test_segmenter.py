"""The pretrained segmenter: the real classes with tiny random weights, and how ingest uses them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest import pipeline
from ingest.conventions.errors import UserError
from ingest.execution import ray_actors
from ingest.execution.isolation import IsolatedRunConfig, run_isolated
from ingest.execution.ray_tasks import disconnect
from ingest.execution.tasks import ActorPoolConfig, TaskFailure
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import read_keyframes, read_outcome
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig, identity
from ingest.sources.discover import SourceRow
from ingest.video.canvas.mask_outline import quad_of_mask
from ingest.video.segmentation import ray_segmenter, shot_segmentation
from ingest.video.segmentation.grounded_segmenter import GroundedSegmenter
from ingest.video.segmentation.ray_segmenter import segmenter_actors
from ingest.video.segmentation.relayed_segmenter import open_segmenter
from ingest.video.segmentation.segmenter import SegmenterConfig
from ingest.video.segmentation.shot_segmentation import canvas_from_segmenter, occluder_masks

ROOT = Path(__file__).resolve().parents[4]
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] . a an canvas painting sheet of paper hand arm brush pencil"


def save_detector(folder: Path) -> Path:
    """A Grounding DINO of 60,000 parameters that finds boxes at random."""
    import torch
    from transformers import (
        BertConfig,
        BertTokenizerFast,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessor,
        GroundingDinoProcessor,
        SwinConfig,
    )

    words = WORDS.split()
    torch.manual_seed(0)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(
            vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16,
        ),
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=6,
        disable_custom_kernels=True,
    )  # fmt: skip
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(words)})
    sizes = {"shortest_edge": 64, "longest_edge": 96}
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    GroundingDinoProcessor(GroundingDinoImageProcessor(size=sizes), tokenizer).save_pretrained(
        folder
    )
    return folder


def save_masker(folder: Path) -> Path:
    """A SAM of 20,000 parameters that draws random masks."""
    import torch
    from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

    torch.manual_seed(0)
    config = SamConfig(
        vision_config={
            "hidden_size": 16, "output_channels": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": 64, "patch_size": 8, "window_size": 4,
            "global_attn_indexes": [0], "mlp_dim": 16, "num_pos_feats": 4,
        },
        prompt_encoder_config={
            "hidden_size": 8, "image_size": 64, "patch_size": 8, "mask_input_channels": 4
        },
        mask_decoder_config={
            "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16,
            "iou_head_hidden_dim": 8, "iou_head_depth": 2, "attention_downsample_rate": 1,
        },
    )  # fmt: skip
    processor = SamImageProcessor(
        size={"longest_edge": 64}, pad_size={"height": 64, "width": 64},
        mask_size={"longest_edge": 16}, mask_pad_size={"height": 16, "width": 16},
    )  # fmt: skip
    SamModel(config).save_pretrained(folder)
    SamProcessor(processor).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> SegmenterConfig:
    """Tiny networks in folders, as the real ones would lie there; they keep every box."""
    folder = tmp_path_factory.mktemp("networks")
    detector, masker = save_detector(folder / "dino"), save_masker(folder / "sam")
    return SegmenterConfig(
        model=str(detector),
        mask_model=str(masker),
        box_threshold=0.0,
        text_threshold=0.0,
        batch_size=2,
    )


@pytest.fixture(scope="module")
def tiny(config: SegmenterConfig) -> GroundedSegmenter:
    return GroundedSegmenter(config, "cpu")


def pictures(count: int) -> list[np.ndarray]:
    """Pictures of different sizes."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (48, 64 + 6 * i, 3), np.uint8) for i in range(count)]


def with_quad(corners: Sequence[tuple[float, float]], size: tuple[int, int]) -> np.ndarray:
    """bool (h, w): a filled quadrilateral, corners in pixels."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    points = np.round(np.array(corners) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], 1, cv2.LINE_8, shift=4)
    return mask > 0


@dataclass
class Known:
    """A segmenter with given answers."""

    quads: Sequence[np.ndarray | None] = ()
    masks: Sequence[np.ndarray] = ()

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        return [quad for _, quad in zip(images, self.quads, strict=True)]

    def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [mask for _, mask in zip(images, self.masks, strict=True)]


@pytest.mark.torch
def test_each_picture_gets_its_mask_and_its_corners(tiny: GroundedSegmenter) -> None:
    images = pictures(5)
    masks = tiny.occluders(images)
    assert [mask.shape for mask in masks] == [image.shape[:2] for image in images]
    assert all(mask.dtype == bool and mask.any() for mask in masks)
    for corners in tiny.canvas(images):
        assert corners is None or corners.shape == (4, 2)
    assert tiny.occluders([]) == []


@pytest.mark.torch
def test_a_picture_alone_gets_what_it_gets_in_a_batch(
    tiny: GroundedSegmenter, config: SegmenterConfig
) -> None:
    """Pictures of a batch are padded to one size and boxes to one number; neither may leak."""
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(4)]
    together = GroundedSegmenter(config.model_copy(update={"batch_size": 4}), "cpu").occluders(
        images
    )
    for image, mask in zip(images, together, strict=True):
        assert np.mean(tiny.occluders([image])[0] != mask) < 0.01


@pytest.mark.torch
def test_nothing_is_found_below_the_thresholds(config: SegmenterConfig) -> None:
    for name in ("box_threshold", "text_threshold"):
        strict = GroundedSegmenter(config.model_copy(update={name: 1.0}), "cpu")
        assert strict.canvas(pictures(2)) == [None, None]
        assert not any(mask.any() for mask in strict.occluders(pictures(2)))


@pytest.mark.torch
def test_the_canvas_is_the_best_box_that_is_large_enough(
    tiny: GroundedSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[np.ndarray] = []
    scores = np.array([0.9, 0.4, 0.6])
    boxes = np.array([[0, 0, 4, 4], [0, 0, 60, 40], [10, 10, 50, 40]], float)

    def masks(images: list[np.ndarray], found: list[np.ndarray]) -> list[np.ndarray]:
        asked.extend(found)
        quad = with_quad([(10, 10), (49, 12), (50, 39), (11, 38)], (64, 48))
        return [np.array([quad]), np.zeros((0, 48, 64), bool)]

    monkeypatch.setattr(tiny, "_boxes", lambda *_: [(scores, boxes), (scores[:1], boxes[:1])])
    monkeypatch.setattr(tiny, "_masks", masks)
    first, second = tiny.canvas([np.zeros((48, 64, 3), np.uint8)] * 2)
    assert [found.tolist() for found in asked] == [[[10, 10, 50, 40]], []]
    assert first is not None
    np.testing.assert_allclose(first, [[10, 10], [49, 12], [50, 39], [11, 38]], atol=1)
    assert second is None


@pytest.mark.torch
def test_a_network_that_does_not_fit_is_named(config: SegmenterConfig, tmp_path: Path) -> None:
    swapped = {"model": config.mask_model}
    with pytest.raises(UserError, match=r"segmenter\.model: .* 'sam' model, expected 'grounding"):
        GroundedSegmenter(config.model_copy(update=swapped))
    with pytest.raises(UserError, match=r"mask_model: no folder /none/x: give"):
        GroundedSegmenter(config.model_copy(update={"mask_model": "/none/x"}))
    with pytest.raises(UserError, match=r"mask_model: 'nobody/nothing' cannot be loaded .*: give"):
        GroundedSegmenter(config.model_copy(update={"mask_model": "nobody/nothing"}))
    broken = shutil.copytree(config.mask_model, tmp_path / "sam")
    _drop_a_weight(broken / "model.safetensors")
    with pytest.raises(UserError, match="lacks 1 weights"):
        GroundedSegmenter(config.model_copy(update={"mask_model": str(broken)}))


def _drop_a_weight(file: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(file)
    del weights[min(name for name in weights if "mask_decoder" in name)]
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.ray
@pytest.mark.torch
def test_actors_answer_as_the_networks_do_here(
    tiny: GroundedSegmenter, config: SegmenterConfig
) -> None:
    """Two real actors, asked from this process and, by a handle that was sent, from a task."""
    import ray

    images = pictures(5)
    expected = tiny.occluders(images)
    try:
        with segmenter_actors(config, ActorPoolConfig(num_actors=2, num_cpus=0)) as segmenter:
            assert segmenter is not None
            there = ray.get(ray.remote(type(segmenter).occluders).remote(segmenter, images))
            for answers in (segmenter.occluders(images), there):
                for answer, mask in zip(answers, expected, strict=True):
                    np.testing.assert_array_equal(answer, mask)
        lost = config.model_copy(update={"model": "/none/x"})
        with (
            pytest.raises(UserError, match=r"did not start: .*model: no folder /none/x"),
            segmenter_actors(lost, ActorPoolConfig(num_cpus=0)),
        ):
            pass
        with (
            pytest.raises(UserError, match=r"64 GPU each were not ready after 1 s: lower"),
            segmenter_actors(config, ActorPoolConfig(num_gpus=64, start_timeout_s=1)),
        ):
            pass
    finally:
        disconnect()


def test_without_a_model_there_is_no_segmenter_and_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_actors, "connect", lambda *_: pytest.fail("Ray was started"))
    with ray_segmenter.segmenter_actors(
        SegmenterConfig(), ActorPoolConfig(num_cpus=0)
    ) as segmenter:
        assert segmenter is None
    assert open_segmenter(SegmenterConfig()) is None


def test_video_workers_load_no_torch() -> None:
    code = (
        "import sys, ingest.per_source.row_function, ingest.run.intake\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def occluded_pixels(number: int) -> float:
    """The work of a video's process: it asks for the occluders in five uniform pictures."""
    segmenter = open_segmenter(SegmenterConfig(model="somewhere", batch_size=2))
    assert segmenter is not None
    masks = segmenter.occluders([np.full((4, 6, 3), number + i, np.uint8) for i in range(5)])
    return float(np.sum(masks))


def test_the_process_of_a_video_asks_its_worker() -> None:
    asked: list[tuple[str, int]] = []

    def answer(question: tuple[str, list[np.ndarray]]) -> list[np.ndarray]:
        asked.append((question[0], len(question[1])))
        return [image[..., 0] > 11 for image in question[1]]

    watched = run_isolated(occluded_pixels, 10, IsolatedRunConfig(), answer)
    assert watched.result == 3 * 24
    assert asked == [("occluders", 2), ("occluders", 2), ("occluders", 1)]


def test_an_answer_that_fails_fails_the_video_alone() -> None:
    def answer(_: object) -> None:
        raise ValueError("the actor died")

    for given, message in (
        (answer, "ValueError: the actor died"),
        (None, "no segmenter was started"),
    ):
        failure = run_isolated(occluded_pixels, 10, IsolatedRunConfig(), given).result
        assert isinstance(failure, TaskFailure)
        assert failure.reason == "exception"
        assert message in failure.detail


def test_an_answer_that_never_comes_keeps_no_video_past_its_limit() -> None:
    start_s = time.monotonic()
    limits = IsolatedRunConfig(timeout_s=3)
    failure = run_isolated(occluded_pixels, 10, limits, lambda _: time.sleep(120)).result
    assert isinstance(failure, TaskFailure)
    assert failure.reason == "timeout"
    assert time.monotonic() - start_s < 60


def test_networks_are_part_of_the_identity_and_their_place_is_not() -> None:
    plain = IngestConfig()
    chosen = plain.model_copy(update={"segmenter": SegmenterConfig(model="a")})
    moved = chosen.model_copy(update={"actors": ActorPoolConfig(num_actors=4, num_gpus=0.25)})
    assert identity(plain) != identity(chosen)  # pyright: ignore[reportArgumentType]
    assert identity(chosen) == identity(moved)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "corners",
    [
        [(12, 10), (148, 10), (148, 100), (12, 100)],
        [(20, 14), (150, 24), (140, 104), (10, 92)],
        [(80, 6), (150, 60), (82, 112), (14, 58)],
        [(30, 20), (120, 12), (155, 108), (8, 100)],
    ],
)
def test_the_corners_of_a_mask_are_found_to_a_pixel(corners: list[tuple[float, float]]) -> None:
    mask = with_quad(corners, (160, 120))
    found = quad_of_mask(mask)
    assert found is not None
    off = np.linalg.norm(found[:, None] - np.array(corners)[None], axis=2)
    assert off.min(axis=1).max() < 1.2
    assert sorted(off.argmin(axis=1)) == [0, 1, 2, 3]
    sides = np.roll(found, -1, axis=0) - found
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    assert (turns > 0).all(), "clockwise"
    frayed = mask.copy()
    frayed[:, 70:73] = False
    frayed[::7, :] &= np.random.default_rng(0).random(frayed[::7].shape) > 0.2
    again = quad_of_mask(cv2.morphologyEx(frayed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5))) > 0)  # fmt: skip  # noqa: E501
    assert again is not None
    assert np.linalg.norm(again - found, axis=1).max() < 4


def test_a_mask_that_is_no_quadrilateral_gets_a_rectangle_around_it() -> None:
    disc = np.zeros((100, 140), np.uint8)
    cv2.ellipse(disc, (70, 50), (50, 30), 0, 0, 360, 1, -1)
    found = quad_of_mask(disc > 0)
    assert found is not None
    width, height = np.ptp(found[:, 0]), np.ptp(found[:, 1])
    assert (width, height) == (pytest.approx(100, abs=12), pytest.approx(60, abs=12))
    assert quad_of_mask(np.zeros((10, 10), bool)) is None


def test_the_canvas_of_a_shot_is_the_median_detection() -> None:
    quad = np.array([[10, 10], [90, 12], [88, 70], [9, 68]], float)
    composites = [np.zeros((80, 100, 3), np.uint8)] * 5
    finds = [quad, quad + 1, None, quad - 1, quad * 0.3]
    found = canvas_from_segmenter(Known(quads=finds), composites)
    assert found is not None
    np.testing.assert_allclose(found.corners, np.median([quad, quad + 1, quad - 1, quad * 0.3], 0))
    assert np.abs(found.corners - quad).max() <= 1
    assert (found.kind, found.score) == ("quad", 0.8)
    assert canvas_from_segmenter(Known(quads=[quad, None, None, None, quad]), composites) is None
    assert canvas_from_segmenter(Known(quads=[None]), composites[:1]) is None


def test_occluder_masks_are_dilated_by_a_pixel() -> None:
    mask = np.zeros((20, 30), bool)
    mask[8:12, 10:14] = True
    frames = np.zeros((2, 20, 30, 3), np.uint8)
    found = occluder_masks(Known(masks=[mask, ~mask & False]), frames)
    assert found.shape == (2, 20, 30)
    assert found[0].sum() == 36
    assert found[0][7:13, 9:15].all()
    assert not found[1].any()


def test_ingest_uses_the_segmented_canvas_and_leaves_out_the_segmented_occluders(
    film, quick: IngestConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The segmenter knows the canvas, and an occluder always covers the right quarter of it."""
    corners = np.array([[60, 38], [264, 50], [252, 207], [52, 194]], float)
    asked: set[str] = set()

    class KnownCanvas:
        def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
            asked.add("canvas")
            return [corners * image.shape[0] / 240 for image in images]

        def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
            asked.add("occluders")
            mask = np.zeros(images[0].shape[:2], bool)
            mask[:, -mask.shape[1] // 4 :] = True
            return [mask for _ in images]

    monkeypatch.setattr(shot_segmentation, "open_segmenter", lambda config: KnownCanvas())
    outcome = make_ingest_video(quick, tmp_path)(SourceRow(str(film.path)))
    assert (outcome.status, asked) == ("kept", {"canvas", "occluders"})
    assert any(warning.startswith("never seen: 2") for warning in outcome.warnings)
    for stored in read_keyframes(Dataset(tmp_path), outcome.video_id):
        # Side refinement may still move them onto the edge that the frames show.
        np.testing.assert_allclose(stored.keyframe.corners_px, corners, atol=4)


@pytest.mark.ray
@pytest.mark.torch
def test_networks_that_find_nothing_change_nothing(
    film, quick: IngestConfig, config: SegmenterConfig, tmp_path: Path
) -> None:
    """The whole run, process of the video to actor and back, against one without a segmenter."""
    blind = config.model_copy(update={"box_threshold": 1.0, "batch_size": 64})
    asking = quick.model_copy(update={"segmenter": blind})
    try:
        pipeline.run([str(film.path)], tmp_path / "asked", asking)
    finally:
        disconnect()
    plain = make_ingest_video(quick, tmp_path / "plain")(SourceRow(str(film.path)))
    asked = read_outcome(Dataset(tmp_path / "asked"), plain.video_id)
    assert (asked.status, asked.keyframes_sha256) == ("kept", plain.keyframes_sha256)
    assert asked.config_hash != plain.config_hash
