"""Paint Transformer against numbers that the authors' own code computed."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.training.rivals.filled_weights import (  # noqa: E402
    BASELINES,
    filled,
    fixture_tensors,
    unit_hash,
)
from training.rivals.paint_transformer.levels import (  # noqa: E402
    Pass,
    PassStrokes,
    WholePicture,
    draw_step,
    turns,
)
from training.rivals.paint_transformer.losses import (  # noqa: E402
    drawn_again,
    losses_of,
    transport_distance,
)
from training.rivals.paint_transformer.network import StrokeNetwork  # noqa: E402
from training.rivals.paint_transformer.practice import practice_of  # noqa: E402
from training.rivals.paint_transformer.strokes import (  # noqa: E402
    soft_stroke_images,
    stroke_images,
)

pytestmark = [pytest.mark.torch, pytest.mark.real]

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    files = ("inputs", "outputs", "train_inputs", "train_outputs")
    return fixture_tensors("paint_transformer", *files)


@pytest.fixture
def network(tensors: Tensors) -> StrokeNetwork:
    network = StrokeNetwork()
    state = filled(network)
    state["linear_param.4.weight"] *= 0.5
    base = torch.tensor([0.5, 0.5, 0.9, 0.7, 0.4])
    state["linear_param.4.bias"] += base
    state["linear_decider.weight"] *= 4
    state["linear_decider.bias"] += 0.35
    network.load_state_dict(state)
    return network.eval()


def largest(difference: torch.Tensor) -> float:
    return float(difference.detach().abs().max())


def test_the_hash_of_filled_weights_is_the_fixtures(tensors: Tensors) -> None:
    vectors = json.loads((BASELINES / "fill_vectors.json").read_text())["u(i, j=0..3)"]
    for position, values in vectors.items():
        assert np.abs(unit_hash(int(position), 4) - values).max() < 1e-8


def test_the_networks_strokes_are_the_authors(network: StrokeNetwork, tensors: Tensors) -> None:
    record = json.loads((BASELINES / "paint_transformer" / "fixture.json").read_text())
    names = record["filled_networks"]["painter"]["tensors"]
    assert {name: list(value.shape) for name, value in network.state_dict().items()} == names
    with torch.inference_mode():
        shapes, logits = network(tensors["network.img"], tensors["network.canvas"])
    assert largest(shapes - tensors["network.param"]) < 1e-5
    assert largest(logits - tensors["network.decision"][..., 0]) < 1e-5


@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
def test_drawn_strokes_are_the_authors(size: tuple[int, int], tensors: Tensors) -> None:
    numbers = tensors["stroke.param"]
    colour, mask = stroke_images(numbers[:, :5], numbers[:, 5:], tensors["meta_brushes"], *size)
    name = f"{size[0]}x{size[1]}"
    assert largest(colour - tensors[f"stroke.foreground_{name}"]) < 1e-5
    assert torch.equal(mask, tensors[f"stroke.alpha_{name}"])


@pytest.mark.parametrize(("name", "grid"), [("even", 4), ("one", 1), ("border", 3)])
def test_a_level_is_the_authors(name: str, grid: int, tensors: Tensors) -> None:
    numbers, canvas = tensors[f"level.{name}.param"][0], tensors[f"level.{name}.canvas"]
    side = canvas.shape[-1]
    each = Pass(side // grid, grid, 0)
    is_drawn = tensors[f"level.{name}.decision"][0]
    strokes = PassStrokes(numbers[..., :5], numbers[..., 5:], is_drawn)
    margin = each.cell_px // 2
    padded = torch.nn.functional.pad(canvas, (margin,) * 4)
    steps = list(turns(each))
    for parity, stroke in steps:
        draw_step(padded, each, strokes, parity, stroke, tensors["meta_brushes"])
    inner = padded[..., margin : margin + side, margin : margin + side]
    # The authors' code damages a strip at the top and left of a border pass, and cuts it off.
    first = 8 if name == "border" else 0
    difference = inner - tensors[f"level.{name}.result"]
    assert largest(difference[..., first:, first:]) < 1e-4
    assert len(steps) == int(tensors[f"level.{name}.n_frames"])


def test_all_frames_of_a_picture_are_the_authors(network: StrokeNetwork, tensors: Tensors) -> None:
    picture = tensors["picture.rgb"].permute(2, 0, 1) / 255
    painting = WholePicture(network, tensors["meta_brushes"], picture)
    canvas, frames = painting.squared(torch.zeros_like(picture)), []
    for index in range(painting.num_steps):
        canvas = painting.step(canvas, index)
        frames.append(painting.inner(canvas))
    assert len(frames) == int(tensors["picture.n_frames"])
    kept = torch.stack(frames)[tensors["picture.frames_index"]]
    assert largest(kept - tensors["picture.frames"]) < 1e-4
    assert largest(frames[-1] - tensors["picture.result"]) < 1e-4


def test_what_it_practises_on_is_the_authors(tensors: Tensors) -> None:
    brushes, numbers = tensors["meta_brushes"], tensors["stroke.param12"]
    colour, mask = soft_stroke_images(numbers[:, :5], numbers[:, 5:8], brushes, 32)
    assert largest(colour - tensors["stroke.brush"]) < 1e-5
    assert largest(mask - tensors["stroke.alpha"]) < 1e-5
    practice = practice_of(tensors["rand_old"], tensors["rand_gt"], brushes)
    assert largest(practice.before - tensors["old"]) < 1e-5
    assert largest(practice.after - tensors["render"]) < 1e-5
    assert largest(practice.shapes - tensors["gt_param"]) < 1e-6
    assert torch.equal(practice.counts.float(), tensors["gt_decision"])


def test_losses_and_gradients_of_a_step_are_the_authors(
    network: StrokeNetwork, tensors: Tensors
) -> None:
    brushes = tensors["meta_brushes"]
    practice = practice_of(tensors["rand_old"], tensors["rand_gt"], brushes)
    # Dropout and the batch's own means were off in the authors' run.
    shapes, logits = network(practice.after, practice.before)
    assert largest(drawn_again(practice, shapes, logits, brushes)[:4] - tensors["rec"]) < 1e-4
    losses = losses_of(practice, shapes, logits, brushes)
    losses.total().backward()
    wanted = {name: float(tensors[f"loss.{name}"]) for name in ("pixel", "gt", "w", "decision")}
    assert float(losses.pixel.detach()) == pytest.approx(wanted["pixel"], rel=1e-5)
    assert float(losses.shape.detach()) == pytest.approx(wanted["gt"], rel=1e-5)
    assert float(losses.overlap.detach()) == pytest.approx(wanted["w"], rel=1e-5)
    assert float(losses.decision.detach()) == pytest.approx(wanted["decision"], rel=1e-5)
    parameters = dict(network.named_parameters())
    for name in ("enc_img.1.weight", "linear_decider.weight", "query_pos"):
        gradient = parameters[name].grad
        assert gradient is not None
        assert float(gradient.norm()) == pytest.approx(
            float(tensors[f"grad_norm.{name}"]), rel=1e-4
        )


def test_the_transport_distance_is_the_authors(tensors: Tensors) -> None:
    distances = transport_distance(tensors["w.a"], tensors["w.b"])
    assert largest(distances - tensors["w.distance"]) < 1e-5
