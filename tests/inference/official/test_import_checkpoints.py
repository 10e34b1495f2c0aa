"""Import of small checkpoints in the release's layout, and painting with the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.official.checkpoint import read_checkpoint  # noqa: E402
from inference.official.import_checkpoints import Sources, import_official  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.networks.presets import PAPER, TowerSize, UNetSize  # noqa: E402
from training.painter.painter import load_painter  # noqa: E402

SIZE = UNetSize(
    channels=(32, 32, 32, 64), attention=(True, True, True, False), layers_per_block=2, heads=8,
    norm_groups=32,
)  # fmt: skip
SMALL = PAPER.model_copy(
    update={
        "unet": SIZE, "mask_unet": SIZE, "token_width": 48, "time_hidden": (16, 24),
        "next_image_hidden": (32, 16), "canvas_channels": (3, 4, 8, 8, 16),
        "image_tower": TowerSize(width=48, layers=1, heads=4, feed_forward=64),
        "text_tower": TowerSize(width=48, layers=1, heads=4, feed_forward=64),
    }
)  # fmt: skip


def released(part: str) -> dict[str, Any]:
    """A part's tensors with random values under the release's names."""
    from inference.official.checkpoint import unused_tensor_names
    from training.painter.parts import build_part

    network = build_part(part, SMALL)
    absent = unused_tensor_names(network) if part == "reference_unet" else set()
    return {
        n: torch.randn_like(t) * 0.05 for n, t in network.state_dict().items() if n not in absent
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Checkpoints, base model, CLIP and a LLaVA in its authors' layout."""
    from diffusers import AutoencoderKL

    from training.networks.language import LanguageConfig, build_instruction_model
    from training.networks.towers import build_image_encoder, build_text_encoder, build_tokenizer

    root = tmp_path_factory.mktemp("release")
    torch.manual_seed(0)
    (root / "renderer" / "ckpt").mkdir(parents=True)
    (root / "renderer" / "config.yaml").write_text(
        "use_PE: true\nPE_type: abs\nPE_time_interval: 10\n"
    )
    renderer = {
        "epoch": 1, "global_step": 200000,
        "unet_state_dict": released("unet"),
        "referencenet_state_dict": released("reference_unet"),
        "cur_image_guider_state_dict": released("canvas_encoder"),
        "image_adpater_state_dict": released("next_image_adapter"),
        "PE_state_dict": released("time_encoder"),
    }  # fmt: skip
    torch.save(renderer, root / "renderer" / "ckpt" / "r.ckpt")
    mask = {"RP_state_dict": released("mask_unet"), "PE_state_dict": released("mask_time_encoder")}
    (root / "RP").mkdir()
    torch.save({"epoch": 1, "global_step": 80000, **mask}, root / "RP" / "m.ckpt")
    AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=1, norm_num_groups=4,
    ).save_pretrained(root / "base" / "vae")  # fmt: skip
    tokenizer = build_tokenizer(SMALL)
    tokenizer.save_pretrained(root / "base" / "tokenizer")
    build_text_encoder(SMALL, tokenizer).save_pretrained(root / "base" / "text_encoder")
    build_image_encoder(SMALL).save_pretrained(root / "clip")
    language = LanguageConfig(
        image_px=32, patch_px=16, vision_width=48, vision_layers=1, text_width=32, text_layers=1,
        head_width=16,
    )  # fmt: skip
    model, processor = build_instruction_model(language, 0)
    write_llava(model, processor, root / "llava")
    model.get_submodule("model.vision_tower").save_pretrained(root / "clip-l")
    return Sources(
        str(root / "renderer" / "ckpt" / "r.ckpt"), str(root / "RP" / "m.ckpt"), str(root / "base"),
        str(root / "clip"), str(root / "llava"), str(root / "clip-l"),
    )  # fmt: skip


def write_llava(model: Any, processor: Any, folder: Path) -> None:
    """A pocket LLaVA in the layout of its own repository: no vision tower, two pickled shards."""
    folder.mkdir()
    state: dict[str, Any] = {}
    for name, tensor in model.state_dict().items():
        if name.startswith("model.language_model."):
            state[name.replace("model.language_model.", "model.")] = tensor
        elif name.startswith("model.multi_modal_projector.linear_"):
            number, _, rest = name.removeprefix("model.multi_modal_projector.linear_").partition(
                "."
            )
            state[f"model.mm_projector.{2 * (int(number) - 1)}.{rest}"] = tensor
        elif name.startswith("lm_head"):
            state[name] = tensor
    names = sorted(state)
    for number, part in enumerate((names[:5], names[5:]), start=1):
        torch.save({n: state[n] for n in part}, folder / f"pytorch_model-0000{number}-of-00002.bin")
    config = model.config.text_config.to_dict()
    config |= {
        "model_type": "llava",
        "mm_vision_select_layer": -1,
        "mm_projector_type": "mlp2x_gelu",
    }
    (folder / "config.json").write_text(json.dumps(config))
    processor.tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def imported(release: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("imported") / "painter"
    without_llava = Sources(release.renderer, release.mask, release.base, release.clip, None)
    result = import_official(without_llava, out, "keep", lambda _: None)
    assert result["tensors"]["reference_unet"] == result["tensors"]["unet"]
    return out


def test_every_tensor_arrives_and_the_painter_predicts(release: Sources, imported: Path) -> None:
    painter = load_painter(imported)
    assert painter.preset.unet == SMALL.unet
    assert painter.preset.token_width == 48
    assert painter.part("time_encoder").step_s == 10, "from the config.yaml above the checkpoint"
    content = read_checkpoint(Path(release.renderer))
    ours = painter.part("unet").state_dict()
    assert all(torch.equal(ours[n], t) for n, t in content["unet_state_dict"].items())
    picture = torch.rand(1, 3, 64, 80) * 2 - 1
    with torch.no_grad():
        target, canvas = painter.encode_target(picture), painter.encode_canvas(picture)
        given = painter.condition(
            target, canvas, torch.ones(1, 1, 64, 80), painter.encode_text(["sky"]),
            torch.tensor([20.0]),
        )  # fmt: skip
        assert painter.predict(torch.randn(1, 4, 8, 10), 999.0, given).isfinite().all()


def test_half_precision_leaves_the_time_encoders_single(release: Sources, tmp_path: Path) -> None:
    from safetensors import safe_open

    sources = Sources(release.renderer, release.mask, release.base, release.clip, None)
    import_official(sources, tmp_path / "p", "float16", lambda _: None)
    for part, dtype in (("unet", "F16"), ("time_encoder", "F32")):
        file = tmp_path / "p" / part / "diffusion_pytorch_model.safetensors"
        with safe_open(file, "pt") as opened:
            assert {opened.get_slice(n).get_dtype() for n in opened.keys()} == {dtype}  # noqa: SIM118


@pytest.mark.parametrize("damage", ["missing", "unexpected", "shape", "part", "code", "cut"])
def test_a_wrong_checkpoint_is_refused_by_name(
    damage: str, release: Sources, tmp_path: Path
) -> None:
    content = dict(read_checkpoint(Path(release.mask)))
    state = dict(content["RP_state_dict"])
    says = {
        "missing": "missing conv_out.bias", "unexpected": "unexpected conv_extra.weight",
        "shape": r"conv_out.bias is \\(2,\\), expected \\(1,\\)", "part": "no 'RP_state_dict'",
        "code": "more than tensors", "cut": "no whole checkpoint",
    }[damage].replace("\\\\", "\\")  # fmt: skip
    if damage == "missing":
        del state["conv_out.bias"]
    elif damage == "unexpected":
        state["conv_extra.weight"] = torch.zeros(1)
    elif damage == "shape":
        state["conv_out.bias"] = torch.zeros(2)
    content["RP_state_dict"] = state
    if damage == "part":
        del content["RP_state_dict"]
    elif damage == "code":
        content["epoch"] = Evil()
    path = tmp_path / "m.ckpt"
    torch.save(content, path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    sources = Sources(release.renderer, str(path), release.base, release.clip, None)
    with pytest.raises(UserError, match=says):
        import_official(sources, tmp_path / "p", "keep", lambda _: None)
    assert not (tmp_path / "p").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["m.ckpt"], "nothing half done is left"


class Evil:
    """What a pickle of a stranger may hold."""

    def __reduce__(self) -> Any:
        return print, ("run",)


def test_a_renderer_with_its_own_text_encoder(release: Sources, tmp_path: Path) -> None:
    """Quirk 14: the mask generator keeps the base model's."""
    content = dict(read_checkpoint(Path(release.renderer)))
    from transformers import CLIPTextModel

    base = CLIPTextModel.from_pretrained(f"{release.base}/text_encoder").state_dict()
    content["text_encoder_state_dict"] = {
        f"text_model.{n.removeprefix('text_model.')}": t + 1 for n, t in base.items()
    }
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = tmp_path / "a" / "b" / "r.ckpt"
    torch.save(content, path)
    sources = Sources(str(path), release.mask, release.base, release.clip, None)
    import_official(sources, tmp_path / "p", "keep", lambda _: None)
    painter = load_painter(tmp_path / "p")
    own, for_mask = painter.encode_text(["sky"]), painter.encode_text(["sky"], for_mask=True)
    assert not torch.equal(own, for_mask)


def test_llava_of_its_authors_layout_says_the_same(release: Sources, tmp_path: Path) -> None:
    from inference.official.llava import import_llava
    from training.networks.language import LanguageConfig, build_instruction_model

    assert release.llava is not None
    with pytest.raises(UserError, match="--llava-vision"):
        import_llava(Path(release.llava), None, tmp_path / "none", print)
    assert release.llava_vision is not None
    classes = import_llava(Path(release.llava), Path(release.llava_vision), tmp_path, print)
    assert set(classes) == {"instruction_model", "instruction_processor"}
    from transformers import LlavaForConditionalGeneration, LlavaProcessor

    ours = LlavaForConditionalGeneration.from_pretrained(tmp_path / "instruction_model")
    language = LanguageConfig(
        image_px=32, patch_px=16, vision_width=48, vision_layers=1, text_width=32, text_layers=1,
        head_width=16,
    )  # fmt: skip
    original, _ = build_instruction_model(language, 0)
    expected = original.state_dict()
    for name, tensor in ours.state_dict().items():
        wanted = expected[name]
        assert torch.equal(tensor[: len(wanted)], wanted), name
    processor = LlavaProcessor.from_pretrained(tmp_path / "instruction_processor")
    assert processor.tokenizer.convert_tokens_to_ids("<image>") == ours.config.image_token_id


def test_an_imported_painter_paints_with_and_without_the_quirks(
    release: Sources, imported: Path, tmp_path: Path
) -> None:
    """LLaVA is the pocket one here; sizes are the release's rule at 64 px."""
    import shutil

    import numpy as np

    from inference.artist.sampling import SamplingConfig
    from inference.command.painting import paint_picture
    from inference.command.painting_context import load_context, painter_record
    from inference.inputs.picture import load_picture
    from inference.output.session import read_session
    from inference.rollout.stop import StopConfig
    from inference.settings import InferenceConfig
    from ingest.format.images import encode_image
    from training.networks.language import LanguageConfig, build_instruction_model
    from training.painter.folder import class_of, read_index, save_part, write_index

    folder = tmp_path / "painter"
    shutil.copytree(imported, folder)
    classes, settings = read_index(folder)
    language = LanguageConfig(
        image_px=32, patch_px=16, vision_width=48, vision_layers=1, text_width=32, text_layers=1,
        head_width=16,
    )  # fmt: skip
    names = ("instruction_model", "instruction_processor")
    for name, part in zip(names, build_instruction_model(language, 0), strict=True):
        save_part(part, folder / name)
        classes[name] = class_of(part)
    preset = settings.preset.model_copy(update={"image_side_px": 64})
    write_index(folder, classes, settings.model_copy(update={"preset": preset}))
    file = tmp_path / "p.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 75, 3), np.uint8)
    file.write_bytes(encode_image(noise, "png"))
    seen = {}
    for quirks in ("fixed", "official"):
        config = InferenceConfig(
            painter=str(folder), quirks=quirks, stop=StopConfig(max_steps=2),
            sampling=SamplingConfig(num_steps=2),
        )  # fmt: skip
        context = load_context(config, painter_record(config)[0])
        picture = load_picture(file, config.picture)
        paint_picture(context, picture, tmp_path / quirks)
        session = read_session(tmp_path / quirks)
        assert session.record.num_painted == 2
        seen[quirks] = session.samples[0].next
        assert seen[quirks].shape == (64, 75, 3), "padding is cut off"
    assert not np.array_equal(seen["fixed"], seen["official"])
