"""Networks: which outputs each condition affects, and what a dropped condition leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from training.painter.painter import Painter

pytestmark = pytest.mark.torch


def inputs(painter: Painter) -> dict[str, Any]:
    import torch

    generator = torch.Generator().manual_seed(3)
    shape = (1, 3, 64, 80)
    return {
        "target": painter.encode_target(torch.rand(shape, generator=generator) * 2 - 1),
        "canvas": painter.encode_canvas(torch.rand(shape, generator=generator) * 2 - 1),
        "mask": (torch.rand(1, 1, 64, 80, generator=generator) > 0.5).float(),
        "text": painter.encode_text(["mountain"]),
        "interval_s": torch.tensor([20.0]),
    }


def test_each_row_of_a_batch_equals_that_branch_alone(make_painter: Callable[..., Painter]) -> None:
    """Also the row without reference tokens, which shares its batch with rows that have them."""
    import torch

    from training.networks.conditions import Branch

    painter = make_painter("renderer")
    branches = [
        Branch(False, False, False, False, False, False),
        Branch(canvas=False, mask=False),
        Branch(text=False),
        Branch(),
    ]
    latents = torch.randn(1, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        given = inputs(painter)
        together = painter.predict(latents, 333.3, painter.condition(**given, keep=branches))
        alone = [
            painter.predict(latents, 333.3, painter.condition(**given, keep=[branch]))
            for branch in branches
        ]
    assert torch.allclose(together, torch.cat(alone), atol=2e-5)
    differences = [(a - alone[-1]).abs().max() for a in alone[:-1]]
    assert all(difference > 1e-4 for difference in differences), differences


@pytest.mark.parametrize("dropped", ["image", "canvas", "time", "mask", "text", "reference"])
def test_a_dropped_condition_has_no_influence_and_a_kept_one_has(
    dropped: str, make_painter: Callable[..., Painter]
) -> None:
    import torch

    from training.networks.conditions import Branch, CanvasFeatures, TargetFeatures

    painter = make_painter("renderer")
    latents = torch.randn(1, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        given = inputs(painter)
        other = dict(given)
        canvas, target = given["canvas"], given["target"]
        if dropped == "image":
            other["canvas"] = CanvasFeatures(canvas.rgb, canvas.latents, canvas.pooled + 1)
        elif dropped == "canvas":
            other["canvas"] = CanvasFeatures(-canvas.rgb, -canvas.latents, canvas.pooled)
        elif dropped == "time":
            other["interval_s"] = torch.tensor([55.0])
        elif dropped == "mask":
            other["mask"] = 1 - given["mask"]
        elif dropped == "text":
            other["text"] = painter.encode_text(["grass"])
        else:
            tokens = {path: -tokens for path, tokens in target.reference.items()}
            other["target"] = TargetFeatures(-target.rgb, -target.latents, target.pooled, tokens)

        def predictions(branch: Branch) -> tuple[torch.Tensor, torch.Tensor]:
            first = painter.condition(**given, keep=[branch])
            second = painter.condition(**other, keep=[branch])
            return painter.predict(latents, 500.0, first), painter.predict(latents, 500.0, second)

        without = predictions(Branch(**{dropped: False}))
        kept = predictions(Branch())
    assert torch.equal(*without)
    assert float((kept[0] - kept[1]).abs().max()) > 1e-5


def test_an_untrained_pocket_renderer_paints_the_target_into_the_mask(small_preset: Any) -> None:
    import torch

    from training.initial_parts import initial_parts
    from training.painter.folder import PARTS_OF, PainterSettings
    from training.painter.painter import Painter

    parts = initial_parts(PARTS_OF["renderer"], small_preset, 0, "", "")
    painter = Painter(parts, PainterSettings(preset=small_preset, num_steps=1))
    with torch.no_grad():
        given = inputs(painter)
        prediction = painter.network_output(
            torch.randn(1, 3, 8, 10), torch.tensor([10]), painter.condition(**given)
        )
    mask = torch.nn.functional.avg_pool2d(given["mask"], 8)
    canvas, target = given["canvas"].latents, given["target"].latents
    assert torch.allclose(prediction, canvas + mask * (target - canvas), atol=1e-6)


def test_predict_says_the_velocity_that_the_scheduler_turns_back(
    make_painter: Callable[..., Painter],
) -> None:
    """One sampler step to sigma 0 must land on the canvas that the network named."""
    import torch

    painter = make_painter("renderer")
    scheduler = painter.part("scheduler")
    scheduler.set_timesteps(1)
    timestep = scheduler.timesteps[0]
    latents = torch.randn(1, 3, 8, 10) * scheduler.init_noise_sigma
    with torch.no_grad():
        given = painter.condition(**inputs(painter))
        scaled = scheduler.scale_model_input(latents, timestep)
        clean = painter.network_output(scaled, timestep, given)
        velocity = painter.predict(scaled, timestep, given)
        landed = scheduler.step(velocity, timestep, latents).prev_sample
    assert torch.allclose(landed, clean, atol=2e-3)


def test_mask_unet_ignores_time_and_uses_every_input(make_painter: Callable[..., Painter]) -> None:
    import torch

    from training.networks.unet import mask_logits

    painter = make_painter("mask")
    unet = painter.part("mask_unet")
    sample, tokens = torch.randn(1, 7, 8, 10), torch.randn(1, 9, 64)
    with torch.no_grad():
        plain = mask_logits(unet, sample, tokens)
        later = unet(sample, 700, tokens, return_dict=False)[0]
        assert torch.equal(plain, later)
        for channel in range(7):
            changed = sample.clone()
            changed[:, channel] += 1
            assert not torch.equal(mask_logits(unet, changed, tokens), plain)


def test_pixel_codec_answers_like_a_vae() -> None:
    import torch

    from training.networks.pixel_codec import PixelCodec

    codec = PixelCodec()
    flat = torch.full((2, 3, 64, 80), 0.25)
    latents = codec.encode(flat).latent_dist.mode()
    assert latents.shape == (2, 3, 8, 10)
    assert torch.allclose(codec.decode(latents).sample, flat, atol=1e-6)
    assert not list(codec.parameters())


def test_masks_between_image_and_latent_size() -> None:
    import torch

    from training.networks.mask_blocks import blockwise_mask, downscale_mask, upscale_mask

    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 0:8, 0:6] = 1
    mask[..., 8:16, 9:16] = 1
    assert downscale_mask(mask, "nearest")[0, 0].tolist() == [[1, 0], [0, 0]]
    assert downscale_mask(mask, "area")[0, 0].tolist() == [[0.75, 0], [0, 0.875]]
    assert torch.equal(downscale_mask(blockwise_mask(mask), "nearest")[0, 0], torch.eye(2))
    assert upscale_mask(torch.eye(2)[None, None]).shape == (1, 1, 16, 16)


def test_time_encoder_rounds_to_five_seconds_and_saturates() -> None:
    import torch

    from training.networks.time_encoder import TimeEncoder

    seconds = torch.tensor([20.0, 18.0, 22.4, 12.5, 10.0, 100.0, 4000.0])
    x = TimeEncoder().encoding(seconds)[:, 0].tolist()
    assert x == pytest.approx([-0.6, -0.6, -0.6, -0.8, -0.8, 1.0, 1.0])


def test_tokenizer_knows_the_vocabulary_and_only_it(small_preset: Any) -> None:
    from ingest.format.vocabulary import VOCABULARY
    from training.networks.towers import build_tokenizer

    tokenizer = build_tokenizer(small_preset)
    ids = [tokenizer(word).input_ids for word in VOCABULARY]
    assert len({tuple(i) for i in ids}) == len(VOCABULARY)
    assert tokenizer("Mountain, sky").input_ids[0] == tokenizer("mountain").input_ids[0]
    assert tokenizer("zeppelin").input_ids == [tokenizer.unk_token_id]
