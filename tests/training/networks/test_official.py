"""Our classes against the authors' release: tensor names, shapes, and their numbers on small random
weights, all cases of the fixture folder (its README tells how the official modules made them).

Nothing here knows these weights or sizes: they are read from the folder that PARITY_FIXTURES names.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import torch

    from training.painter.painter import Painter

pytestmark = [pytest.mark.torch, pytest.mark.real]

FIXTURES = Path(
    os.environ.get("PARITY_FIXTURES")
    or Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "official"
)
SCALES = {
    "image": "guidance_scale (image)",
    "canvas": "cur_guidance_scale",
    "time": "PE_guidance_scale",
    "mask": "RP_guidance_scale",
    "text": "TP_guidance_scale",
}
"""Our names of the guidance scales, and the release's."""


@pytest.fixture(scope="module")
def fixtures() -> Path:
    if not (FIXTURES / "keys_full.json").is_file():
        if os.environ.get("PARITY_FIXTURES"):
            pytest.fail(f"PARITY_FIXTURES names {FIXTURES}, which holds no keys_full.json")
        pytest.skip(f"{FIXTURES} is not there")
    return FIXTURES


def load(folder: Path, case: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    from safetensors.torch import load_file

    return load_file(folder / f"{case}.safetensors"), json.loads(
        (folder / f"{case}.json").read_text()
    )


def weights(tensors: dict[str, torch.Tensor], group: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(f"{group}."): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(f"{group}.")
    }


def scales(facts: dict[str, Any]) -> dict[str, float]:
    return {
        ours: facts[theirs if theirs in facts else theirs.partition(" ")[0]]
        for ours, theirs in SCALES.items()
    }


def worst(ours: Any, expected: torch.Tensor) -> float:
    assert tuple(ours.shape) == tuple(expected.shape)
    return float((ours.double() - expected.double()).abs().max())


def filled(network: Any, state: dict[str, torch.Tensor], strict: bool = True) -> Any:
    """A network of the meta device with a checkpoint's tensors."""
    network.load_state_dict(state, strict=strict, assign=True)
    return network.eval().requires_grad_(False)


class Stored:
    """Stands where a time encoder stands and says the fixture's token."""

    def __init__(self, token: torch.Tensor) -> None:
        self.token = token

    def __call__(self, interval_s: torch.Tensor) -> torch.Tensor:
        return self.token


def make_painter(folder: Path, time: Any, mask_time: Any, text: dict[str, Any]) -> Painter:
    """The networks of cases d, e and f as one painter; tokens of text and time are given."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPVisionConfig, CLIPVisionModel

    from inference.official.sizes import (
        canvas_encoder_of,
        next_image_adapter_of,
        token_width,
        unet_size,
    )
    from training.networks.diffusion import build_scheduler
    from training.networks.presets import PAPER
    from training.networks.unet import as_denoising_unet, as_mask_unet, as_reference_unet
    from training.painter.folder import PainterSettings
    from training.painter.painter import Painter

    d, d_facts = load(folder, "d_reference_unet")
    e, e_facts = load(folder, "e_sampling")
    f, f_facts = load(folder, "f_mask_generator")
    unet_state, mask_state = weights(d, "unet_state_dict"), weights(f, "RP_state_dict")
    unet = UNet2DConditionModel.from_config(d_facts["config"]["unet"])
    reference = UNet2DConditionModel.from_config(d_facts["config"]["referencenet"])
    mask_unet = UNet2DConditionModel.from_config(f_facts["config"]["unet"])
    left = reference.load_state_dict(weights(d, "referencenet_state_dict"), strict=False)
    assert not left.unexpected_keys
    unet.load_state_dict(unet_state)
    mask_unet.load_state_dict(mask_state)
    clip = CLIPVisionModel(CLIPVisionConfig(**e_facts["config"]["clip_vision_model"]))
    clip_state = weights(e, "clip_vision_model")
    if not any(name.startswith("vision_model.") for name in clip.state_dict()):
        clip_state = {name.removeprefix("vision_model."): t for name, t in clip_state.items()}
    clip.load_state_dict(clip_state)
    vae = AutoencoderKL.from_config(e_facts["config"]["vae"])
    vae.load_state_dict(weights(e, "vae"))
    guider, adapter = (
        weights(d, "cur_image_guider_state_dict"),
        weights(e, "image_adpater_state_dict"),
    )
    parts = {
        "unet": as_denoising_unet(unet),
        "reference_unet": as_reference_unet(reference),
        "mask_unet": as_mask_unet(mask_unet),
        "vae": vae,
        "image_encoder": clip,
        "canvas_encoder": filled(canvas_encoder_of(guider), guider),
        "next_image_adapter": filled(next_image_adapter_of(adapter), adapter),
        "scheduler": build_scheduler("epsilon"),
    }
    for part in parts.values():
        if hasattr(part, "requires_grad_"):
            part.eval().requires_grad_(False)
    sizes = {
        "image_side_px": min(d_facts["config"]["image_size"]),
        "unet": unet_size(unet_state),
        "mask_unet": unet_size(mask_state),
        "token_width": token_width(unet_state),
        "image_tower_px": clip.config.image_size,
    }
    settings = PainterSettings(preset=PAPER.model_copy(update=sizes), num_steps=25)
    painter = Painter({**parts, "time_encoder": time, "mask_time_encoder": mask_time}, settings)

    def encode_text(instructions: Sequence[str], for_mask: bool = False) -> torch.Tensor:
        return text[instructions[0]]

    painter.encode_text = encode_text  # pyright: ignore[reportAttributeAccessIssue]
    return painter


def make_artist(painter: Painter, picture: np.ndarray, noise: Any, **given: Any) -> Any:
    from inference.official.artist import OfficialArtist
    from inference.rollout.steps import Instruction

    prompts = iter(given.pop("prompts", []))
    return OfficialArtist(
        painter, picture, lambda *_: Instruction(next(prompts), None), noise, **given
    )


# Names and shapes


@pytest.mark.parametrize(
    ("part", "group"),
    [
        ("unet", "unet_state_dict"),
        ("reference_unet", "referencenet_state_dict"),
        ("canvas_encoder", "cur_image_guider_state_dict"),
        ("next_image_adapter", "image_adpater_state_dict"),
        ("time_encoder", "PE_state_dict"),
        ("mask_unet", "RP_state_dict"),
        ("mask_time_encoder", "RP_PE_state_dict"),
        ("vae", "vae"),
        ("image_encoder", "clip_vision_model"),
    ],
)
def test_full_size_tensors_have_the_published_names_and_shapes(
    part: str, group: str, fixtures: Path
) -> None:
    import torch

    from training.networks.presets import PAPER
    from training.painter.parts import build_part

    keys = json.loads((fixtures / "keys_full.json").read_text())
    groups = {name.split(" ")[0]: value for name, value in keys["state_dicts"].items()}
    stored = groups.get(group) or keys["base_models"][group]
    # transformers 5 calls `vision_model.x` by its last names, and loads either.
    published = {t["name"].removeprefix("vision_model."): tuple(t["shape"]) for t in stored}
    with torch.device("meta"):
        network = build_part(part, PAPER)
    ours = {
        name.removeprefix("vision_model."): tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
    }
    if part == "reference_unet":
        allowed = set(keys["referencenet_missing_vs_unet"])
        assert allowed <= set(ours)
        ours = {name: shape for name, shape in ours.items() if name not in allowed}
    assert ours == published


def test_reference_blocks_are_the_published_ones(fixtures: Path) -> None:
    import torch

    from training.networks.presets import PAPER
    from training.painter.parts import build_part

    order = json.loads((fixtures / "keys_full.json").read_text())["reference_block_order"]["order"]
    with torch.device("meta"):
        names = [name for name, _ in build_part("unet", PAPER).named_modules()]
    ours = {name for name in names if name.rpartition(".")[0].endswith("transformer_blocks")}
    assert ours == set(order)
    assert len(order) == 16


# Numbers


def test_a_time_encoder(fixtures: Path) -> None:
    import torch

    tensors, facts = load(fixtures, "a_time_encoder")
    from inference.official.sizes import time_encoder_of

    state, config = weights(tensors, "PE_state_dict"), facts["config"]
    encoder = filled(
        time_encoder_of(state, config["PE_time_interval"], config["PE_time_max"]), state
    )
    for suffix in ("", "_extra"):
        seconds = tensors[f"input.seconds{suffix}"]
        encoding = encoder.encoding(seconds)
        assert worst(encoding[:, :1], tensors[f"expected.x{suffix}"]) < 1e-6
        assert worst(encoding, tensors[f"expected.encoding{suffix}"]) < 2e-4
        assert worst(encoder(seconds), tensors[f"expected.embedding{suffix}"]) < 2e-4
    # Quirk 2: sines in half precision, as the demo takes them.
    encoder.half().sines_in_weight_dtype = True
    for suffix in ("", "_extra"):
        seconds = tensors[f"input.seconds{suffix}"]
        half = encoder.encoding(seconds, torch.float16)
        assert worst(half[:, :1], tensors[f"expected.half_x{suffix}"]) == 0
        assert worst(half, tensors[f"expected.half_encoding{suffix}"]) < 2e-3
        assert worst(encoder(seconds), tensors[f"expected.half_embedding{suffix}"]) < 1e-2


def test_b_next_image_adapter(fixtures: Path) -> None:
    import torch

    tensors, _ = load(fixtures, "b_image_adapter")
    from inference.official.sizes import next_image_adapter_of

    state = weights(tensors, "image_adpater_state_dict")
    adapter = filled(next_image_adapter_of(state), state)
    pair = [tensors[f"input.{name}_image_embedding"][:, 0] for name in ("current", "reference")]
    token = adapter(torch.cat(pair, dim=-1))
    assert worst(token, tensors["expected.predicted_embedding"]) < 2e-5


def test_c_canvas_encoder(fixtures: Path) -> None:
    tensors, _ = load(fixtures, "c_current_image_guider")
    from inference.official.sizes import canvas_encoder_of

    state = weights(tensors, "cur_image_guider_state_dict")
    feature = filled(canvas_encoder_of(state), state)(tensors["input.image_and_mask"])
    assert worst(feature, tensors["expected.latent_feature"]) < 2e-5


def test_d_six_branches_and_the_guided_noise(fixtures: Path) -> None:
    """Stored tokens, the six rows' conditions, their noise; both guided sums, by six branches and
    by those with a weight."""
    import torch

    from inference.artist.guidance import BRANCHES, guidance_of, official_sum
    from training.networks.conditions import CanvasFeatures, TargetFeatures
    from training.networks.unet import reference_tokens

    tensors, facts = load(fixtures, "d_reference_unet")
    time = Stored(tensors["input.time_token"])
    text = {"": tensors["input.negative_text_tokens"], "x": tensors["input.text_tokens"]}
    painter = make_painter(fixtures, time, time, text)
    latents, pooled = tensors["input.reference_latents"], tensors["input.reference_image_embedding"]
    with torch.no_grad():
        written = reference_tokens(painter.part("reference_unet"), latents, pooled)
        assert set(written) == set(facts["reference_order"])
        for path, tokens in written.items():
            assert worst(tokens, tensors[f"expected.reference_tokens.{path}"]) < 2e-5, path
        image = tensors["input.canvas_image"].permute(2, 0, 1)[None].float()
        canvas = CanvasFeatures(
            (image / 255 - 0.5) / 0.5, torch.zeros_like(latents),
            tensors["input.current_image_embedding"][:, 0],
        )  # fmt: skip
        target = TargetFeatures(canvas.rgb, latents, pooled[:, 0], written)

        def noise(branches: Any) -> tuple[Any, torch.Tensor]:
            given = painter.condition(
                target, canvas, tensors["input.mask"], text["x"], torch.tensor([20.0]), branches
            )
            sample = tensors["input.scaled_latents"]
            return given, painter.predict(sample, tensors["input.timestep"], given)

        given, six = noise(BRANCHES)
        assert worst(given.tokens[:, :1], tensors["expected.encoder_hidden_states"][:, :1]) < 2e-5
        assert worst(given.tokens, tensors["expected.encoder_hidden_states"]) < 2e-5
        assert worst(given.canvas_feature, tensors["expected.latent_cur"]) < 2e-5
        assert worst(six, tensors["expected.noise_pred"]) < 2e-5
        for name, key in (
            ("guidance_scales", "guided_noise"),
            ("other_guidance_scales", "guided_noise_other_scales"),
        ):
            asked, expected = scales(facts["config"][name]), tensors[f"expected.{key}"]
            assert worst(official_sum(six, asked), expected) < 1e-4
            guidance = guidance_of(asked)
            few = noise(guidance.branches)[1]
            assert worst(guidance.combine(few), expected) < 1e-4
            assert worst(guidance.combine(few), official_sum(six, asked)) < 1e-4


def test_e_three_updates_of_the_pipeline(fixtures: Path) -> None:
    """Each update from its own stored inputs: conditions, every step's six branches, latents."""
    import torch

    from inference.artist.guidance import official_sum
    from inference.official.noise import RecordedNoise

    tensors, facts = load(fixtures, "e_sampling")
    num_steps = facts["config"]["num_inference_steps"]
    time = Stored(tensors["input.time_token"])
    text = {"": tensors["input.negative_text_tokens"]}
    text |= {str(c["call"]): tensors[f"input.call{c['call']}.text_tokens"] for c in facts["calls"]}
    painter = make_painter(fixtures, time, time, text)
    scheduler = painter.part("scheduler")
    scheduler.set_timesteps(num_steps)
    assert worst(scheduler.timesteps, tensors["expected.timesteps"]) < 1e-3
    assert worst(scheduler.sigmas, tensors["expected.sigmas"]) < 1e-4
    assert worst(scheduler.init_noise_sigma.reshape(1), tensors["expected.init_noise_sigma"]) < 1e-4
    picture = tensors["input.target_image"].numpy()
    for call in facts["calls"]:
        name = str(call["call"])
        given, wanted = (
            {
                k.removeprefix(f"{kind}.call{name}."): v
                for k, v in tensors.items()
                if f"{kind}.call{name}." in k
            }
            for kind in ("input", "expected")
        )
        by_kind = {draw["what"]: iter(given[draw["what"]]) for draw in call["draws_in_order"]}
        noise = torch.stack([next(by_kind[draw["what"]]) for draw in call["draws_in_order"]])
        source = RecordedNoise(noise)
        asked = scales(call["guidance_scales"])
        artist = make_artist(
            painter, picture, source, guidance=asked, num_steps=num_steps,
            blended_share=call["combine_init_ratio"] or 0.0,
        )  # fmt: skip
        if call["combine_init"]:
            artist.restore((given["img_init_latents"], source.snapshot()))
        canvas, mask = given["canvas_image"].numpy(), given["mask"][0, 0].numpy() > 0.5
        spied: list[torch.Tensor] = []
        predict = painter.predict
        painter.predict = lambda *a: spied.append(p := predict(*a)) or p  # noqa: B023
        latents = artist.sampled(canvas, picture, mask, name, 20.0, int(name) - 1)
        painter.predict = predict
        assert source.num_left == 0
        with torch.no_grad():
            features = make_artist(
                painter, picture, RecordedNoise(given["posterior_noise_target"]), guidance=asked,
                num_steps=num_steps,
            ).target_features(picture)  # fmt: skip
            assert worst(features.pooled, tensors["expected.reference_clip_vector"]) < 2e-5
            assert worst(features.latents, wanted["target_latents"]) < 2e-5
            conditions = artist.conditioning(canvas, features, mask, name, 20.0)
        assert worst(conditions.tokens[1:2, :1], wanted["image_token"]) < 2e-5
        assert worst(conditions.canvas_feature[[0, 2, 4]], wanted["guider_output"]) < 2e-5
        six = torch.stack(spied)
        assert worst(six, wanted["noise_pred"]) < 1e-4
        guided = torch.cat([official_sum(rows, asked) for rows in six])
        assert worst(guided, wanted["guided_noise"]) < 5e-4
        assert worst(latents, wanted["final_latents"]) < 5e-4
        with torch.no_grad():
            image = painter.decode_latents(latents).permute(0, 2, 3, 1) / 2 + 0.5
        assert worst(image, wanted["image"]) < 5e-4
        assert worst(torch.from_numpy(artist.decoded(latents)), wanted["image_8bit"]) <= 1
        # One step at a time, from the release's own latents: no difference adds up.
        for step in range(num_steps):
            one = one_step(scheduler, wanted, noise, step, num_steps, call)
            assert worst(one, wanted["latents_after_step"][step : step + 1]) < 1e-4


def one_step(
    scheduler: Any, wanted: dict[str, Any], noise: Any, step: int, num_steps: int, call: Any
) -> torch.Tensor:
    """Our sampler's step `step` alone, fed with the release's latents and guided noise."""
    from inference.official.sampling import euler_ancestral_step

    scheduler.set_timesteps(num_steps)
    z = [
        n
        for n, draw in zip(noise, call["draws_in_order"], strict=True)
        if draw["what"] == "step_noise"
    ]
    now, later = (float(scheduler.sigmas[step + k]) for k in (0, 1))
    before = wanted["latents_before_step"][step : step + 1]
    return euler_ancestral_step(
        before, wanted["guided_noise"][step : step + 1], z[step], now, later
    )


def test_f_mask_generator(fixtures: Path) -> None:
    import torch

    from inference.official.noise import RecordedNoise
    from inference.official.resizing import padded_tensor, signed
    from training.networks.mask_blocks import downscale_mask, upscale_mask
    from training.networks.unet import mask_logits

    tensors, facts = load(fixtures, "f_mask_generator")
    config = facts["config"]
    time = Stored(tensors["input.time_token"])
    painter = make_painter(fixtures, time, time, {"x": tensors["input.text_tokens"]})
    canvas, picture = (tensors[f"input.{n}_image"].numpy() for n in ("canvas", "target"))
    for name, image in (("canvas", canvas), ("target", picture)):
        pixels = signed(padded_tensor(image, config["short_edge"]))
        assert worst(pixels, tensors[f"expected.{name}_pixels"]) < 2e-6
    difference = tensors["input.lpips_difference"] > config["difference_threshold"]
    small = downscale_mask(difference.float(), "nearest")
    assert worst(small, tensors["expected.unet_input"][:, 8:]) == 0
    assert worst(upscale_mask(small), tensors["expected.difference_mask_full"]) == 0
    noise = torch.cat([tensors[f"input.posterior_noise_{n}"] for n in ("canvas", "target")])
    artist = make_artist(painter, picture, RecordedNoise(noise), guidance={}, num_steps=1)
    probability = artist.locate(canvas, picture, difference[0, 0].numpy(), "x", 20.0)
    full = upscale_mask(tensors["expected.probability"])[0, 0]
    assert worst(torch.from_numpy(probability), full) < 1e-4
    for threshold in config["thresholds"]:
        expected = tensors[f"expected.mask_threshold_{threshold}"][0, 0]
        assert worst(torch.from_numpy(probability > threshold), expected) == 0
    with torch.no_grad():
        tokens = torch.cat([tensors["input.time_token"], tensors["input.text_tokens"]], dim=1)
        assert worst(tokens, tensors["expected.encoder_hidden_states"]) == 0
        logits = mask_logits(painter.part("mask_unet"), tensors["expected.unet_input"], tokens)
        assert worst(logits, tensors["expected.logits"]) < 1e-4
        latents = expected_latents(painter, tensors)
        assert worst(latents, tensors["expected.unet_input"][:, :8]) < 2e-5


def expected_latents(painter: Painter, tensors: dict[str, Any]) -> torch.Tensor:
    """Channels 0 to 7 of the mask generator's input, from the release's pixels and noises."""
    import torch

    parts = []
    for name in ("canvas", "target"):
        posterior = painter.latent_distribution(tensors[f"expected.{name}_pixels"])
        sample = posterior.mean + posterior.std * tensors[f"input.posterior_noise_{name}"]
        parts.append(sample * painter.part("vae").config.scaling_factor)
    return torch.cat(parts, dim=1)


def test_g_resizing_and_padding(fixtures: Path) -> None:
    import torch

    from inference.official.resizing import (
        cropped,
        padded_image,
        padded_size,
        padded_tensor,
        scaled_size,
    )

    tensors, facts = load(fixtures, "g_pad_to_16")
    short = facts["config"]["short_edge"]
    for case in facts["sizes"]:
        size = tuple(case["image"])
        assert list(scaled_size(*size, short)) == case["resized"]
        padded = padded_size(*size, short)
        assert list(padded) == case["padded"]
        assert [side // 8 for side in padded] == case["latent"]
        cut = cropped(np.zeros((*padded, 3), np.uint8), size).shape[:2]
        assert list(cut) == case["cropped_by_the_loop"]
        assert list(padded_size(*cut, short)) == case["repadded"]
    x, y = np.meshgrid(np.arange(530), np.arange(600))
    made = np.stack([(7 * x + 3 * y), (x * x // 64 + 5 * y), ((x // 3) * (y // 5))], axis=-1) % 256
    large = made.astype(np.uint8)
    for image, fact, samples in (
        (tensors["input.image_small"].numpy(), facts["small_image_result"], ""),
        (large, facts["large_image"], "_large"),
    ):
        array, tensor = padded_image(image, short), padded_tensor(image, short)
        assert list(array.shape) == fact.get("shape", fact.get("result_shape"))
        assert int(array.sum()) == fact["sum"]
        assert hashlib.sha256(array.tobytes()).hexdigest() == fact["sha256_of_bytes"]
        assert float(tensor.double().sum()) == pytest.approx(fact["tensor_version_sum"], rel=1e-6)
        every = torch.from_numpy(array[::16, ::16].copy())
        assert worst(every, tensors[f"expected.array_version{samples}_samples"]) == 0
        expected = tensors[f"expected.tensor_version{samples}_samples"]
        assert worst(tensor[:, :, ::16, ::16], expected) < 2e-6
    small = tensors["input.image_small"].numpy()
    edge = torch.from_numpy(padded_image(small, short)[::16, -12:].copy())
    assert worst(edge, tensors["expected.array_version_last_columns"]) == 0
    edge = padded_tensor(small, short)[:, :, ::16, -12:]
    assert worst(edge, tensors["expected.tensor_version_last_columns"]) < 2e-6


def test_h_the_whole_loop(fixtures: Path) -> None:
    """Five updates by `Rollout`, all noises replayed; the release's own stand-ins for LPIPS."""
    import torch

    from inference.official.artist import OfficialMetric
    from inference.official.noise import RecordedNoise
    from inference.official.resizing import padded_image
    from inference.rollout.region import RegionConfig
    from inference.rollout.rollout import paint
    from inference.rollout.stop import StopConfig

    tensors, facts = load(fixtures, "h_demo_loop")
    config, updates = facts["config"], facts["updates"]
    text = {
        u["prompt"]: t[None] for u, t in zip(updates, tensors["input.text_tokens"], strict=True)
    }
    time = Stored(tensors["input.time_token"])
    mask_time = Stored(tensors["input.mask_generator_time_token"])
    painter = make_painter(
        fixtures, time, mask_time, {**text, "": tensors["input.negative_text_tokens"]}
    )
    painter.part("mask_unet").conv_out.bias.data.copy_(tensors["input.mask_generator_output_bias"])
    picture, short = tensors["input.target_image"].numpy(), config["short_edge"]
    source = RecordedNoise(tensors["input.noise"])
    artist = make_artist(
        painter, picture, source, guidance=scales(config), num_steps=config["steps"],
        blended_share=config["combine_init_ratio"], prompts=[u["prompt"] for u in updates],
    )  # fmt: skip
    metric = OfficialMetric(
        picture,
        short,
        lambda a, b: (a - b).abs().mean(dim=1, keepdim=True) / 2,
        lambda a, b: (a - b).abs().mean(),
    )
    looks: list[np.ndarray] = []
    locate = artist.locate
    artist.locate = lambda *a: looks.append(p := locate(*a)) or p
    rollout = paint(
        padded_image(picture, short), artist, metric, config["seconds"],
        RegionConfig(look_again=True), StopConfig(max_steps=config["total_step"]),
        padded_image(np.full_like(picture, 255), short),
    )  # fmt: skip
    latents, painted = [], []
    sampled, decoded = artist.sampled, artist.decoded
    artist.sampled = lambda *a: latents.append(z := sampled(*a)) or z
    artist.decoded = lambda *a: painted.append(i := decoded(*a)) or i
    num_looks, same_canvas = 0, []
    for index, (step, update) in enumerate(zip(rollout, updates, strict=True)):
        assert worst(torch.from_numpy(step.region.mask), tensors["expected.mask"][index, 0]) == 0
        assert step.region.threshold == update["thresholds_tried"][-1]
        num_looks += len(update["thresholds_tried"])
        flips = worst(torch.from_numpy(step.current), tensors["expected.canvas_8bit"][index])
        assert flips <= 1
        same_canvas += [flips == 0] * len(update["thresholds_tried"])
        assert len(looks) == num_looks
        assert step.region.area == pytest.approx(update["mask_fraction"], abs=1e-6)
        assert worst(latents[index], tensors["expected.final_latents"][index : index + 1]) < 5e-4
        assert worst(torch.from_numpy(painted[index]), tensors["expected.image_8bit"][index]) <= 1
        assert step.change == pytest.approx(update["difference_to_previous_canvas"], abs=1e-4)
        assert step.distance == pytest.approx(update["difference_to_target"], abs=1e-4)
    assert source.num_left == 0
    for look, expected, is_same in zip(
        looks, tensors["expected.mask_probability"][:, 0], same_canvas, strict=True
    ):
        # A canvas value may flip by one 8-bit step; the probability follows what it is shown.
        assert worst(torch.from_numpy(look[::8, ::8].copy()), expected) < (
            1e-4 if is_same else 2e-3
        )


def test_i_thresholds_and_stop_rules(fixtures: Path) -> None:
    import torch

    from inference.rollout.region import RegionConfig, choose_region
    from inference.rollout.stop import StopConfig, stop_reason

    tensors, facts = load(fixtures, "i_threshold_and_stop_rules")
    config = RegionConfig(thresholds=tuple(facts["config"]["thresholds"]), look_again=True)
    block = np.ones((8, 8))
    for case, candidates, previous, expected in zip(
        facts["threshold_cases"], tensors["input.candidate_masks"].numpy(),
        tensors["input.previous_mask"].numpy(), tensors["expected.mask"], strict=True,
    ):  # fmt: skip
        tried = iter(candidates)
        before = np.kron(previous, block) > 0 if case["update_index"] else None
        region = choose_region(lambda: np.kron(next(tried), block), before, config)  # noqa: B023
        num_tried = len(candidates) - len(list(tried))
        assert list(facts["config"]["thresholds"][:num_tried]) == case["expected_thresholds_tried"]
        assert region.threshold == case["expected_threshold"], case["name"]
        assert worst(torch.from_numpy(region.mask[::8, ::8].copy()), expected) == 0, case["name"]
        assert int(region.mask.sum()) == case["mask_pixels"], case["name"]
    for case in facts["stop_cases"]:
        stop = StopConfig(max_steps=case["total_step"])
        changes, distances = case["difference_to_previous"], case["difference_to_target"]
        counts = range(1, len(changes) + 1)
        ends = (n for n in counts if stop_reason(changes[:n], distances[:n], stop))
        assert next(ends) == case["expected_updates"], case["name"]
