"""Steering by options: words, masks, locks and a first canvas, of painters and of orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.planned.plan import make_plan  # noqa: E402
from inference.artist.planned.regions import Regions  # noqa: E402
from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command.command import run_paint  # noqa: E402
from inference.command.steering_actions import steering_actions  # noqa: E402
from inference.output.session import read_session  # noqa: E402
from inference.rollout.steering import Lock, Steer  # noqa: E402
from inference.rollout.steps import RolloutConfig  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402

STROKES = StrokesConfig(num_steps=4)


def mask_file(folder: Path, name: str, rows: slice, size: tuple[int, int] = (64, 80)) -> str:
    """A mask of white rows, written as PNG."""
    mask = np.zeros(size, np.uint8)
    mask[rows] = 255
    Image.fromarray(mask).save(folder / name)
    return str(folder / name)


def painted(picture: Path, out: Path, config: InferenceConfig) -> Any:
    _, code = run_paint([picture], out, config, dry_run=False)
    assert code == 0
    return read_session(out / picture.stem)


def test_options_are_the_actions_of_a_script(tmp_path: Path) -> None:
    mask = mask_file(tmp_path, "m.png", slice(0, 9))
    rollout = RolloutConfig(say=("sky", "tree"), lock=mask, mask=mask)
    actions = steering_actions(InferenceConfig(painter="some/painter", rollout=rollout))
    assert [(type(a), a.at) for a in actions] == [(Lock, 0), (Steer, 0), (Steer, 0), (Steer, 1)]
    order = steering_actions(InferenceConfig(rollout=rollout))
    assert [(type(a), a.at) for a in order] == [(Lock, 0), (Steer, 1)], "after the drawing"


def test_a_painter_follows_them(painter_folder: Path, picture_file: Path, tmp_path: Path) -> None:
    lock = mask_file(tmp_path, "lock.png", slice(0, 16))
    mask = mask_file(tmp_path, "mask.png", slice(32, 64))
    rollout = RolloutConfig(say=("sky", "boat"), lock=lock, mask=mask)
    config = InferenceConfig(
        painter=str(painter_folder), stop=StopConfig(max_steps=3), rollout=rollout
    )
    samples = painted(picture_file, tmp_path / "out", config).samples
    assert [s.instruction for s in samples[:2]] == ["sky", "boat"]
    assert samples[0].mask[32:].all()
    assert not samples[0].mask[:32].any()
    assert all((sample.next[:16] == 255).all() for sample in samples)


def test_what_a_file_says_now_is_painted(
    painter_folder: Path, picture_file: Path, tmp_path: Path
) -> None:
    lock = mask_file(tmp_path, "lock.png", slice(0, 16))
    stop = StopConfig(max_steps=1)
    rollout = RolloutConfig(lock=lock)
    config = InferenceConfig(painter=str(painter_folder), stop=stop, rollout=rollout)
    first, _ = run_paint([picture_file], tmp_path / "out", config, dry_run=False)
    again, _ = run_paint([picture_file], tmp_path / "out", config, dry_run=False)
    mask_file(tmp_path, "lock.png", slice(0, 20))
    other, _ = run_paint([picture_file], tmp_path / "out", config, dry_run=False)
    statuses = [result["pictures"][0]["status"] for result in (first, again, other)]
    assert statuses == ["painted", "unchanged", "painted"]


def test_what_is_painted_already_is_not_painted_again(picture_file: Path, tmp_path: Path) -> None:
    picture = np.array(Image.open(picture_file))
    half = picture.copy()
    half[:, 40:] = (250, 247, 240)
    half[:, :40] ^= 1
    Image.fromarray(half).save(tmp_path / "half.png")
    rollout = RolloutConfig(canvas=str(tmp_path / "half.png"))
    config = InferenceConfig(painter="prototype", strokes=STROKES, rollout=rollout)
    session = painted(picture_file, tmp_path / "out", config)
    assert np.array_equal(session.samples[0].current, half)
    steps = zip(session.samples, session.record.steps, strict=True)
    strokes = [sample for sample, step in steps if not step.is_finish]
    assert np.array_equal(strokes[-1].next[:, :36], half[:, :36])
    assert np.array_equal(session.samples[-1].next, picture), "the set step"
    assert session.record.stop == "arrived"
    assert all(sample.mask.any() for sample in strokes), "no empty steps at the end"


def test_locks_and_the_quirks_of_the_release_are_refused_before_painting(
    picture_file: Path, tmp_path: Path
) -> None:
    lock = mask_file(tmp_path, "lock.png", slice(0, 16))
    config = InferenceConfig(
        painter=str(tmp_path), quirks="official", rollout=RolloutConfig(lock=lock)
    )
    with pytest.raises(UserError, match=r"nothing can be locked with inference\.quirks official"):
        run_paint([picture_file], tmp_path / "out", config, dry_run=False)


def test_said_things_come_first_in_a_plan() -> None:
    labels = np.repeat(np.arange(4, dtype=np.uint8), 8).reshape(4, 8)
    regions = Regions(labels, np.zeros(4, np.float32))
    words = ("sky", "shapes", "shapes", "tree")
    likeness = {"sky": (1.0, 0.0, 0.0, 0.0), "sea": (0.0, 0.5, 0.5, 0.0), "tree": (0, 0, 0, 1.0)}
    plan = make_plan(regions, [0, 1, 2, 3], "block-in first", words, likeness)
    asked = plan.with_first(["Tree", "sea"])
    assert asked.order == (3, 1, 2, 0)
    assert [layer.region for layer in asked.layers[:4]] == [3, 1, 2, 0]
    assert asked.words == ("sky", "sea", "sea", "tree")
    with pytest.raises(UserError, match="looks like 'boat'; there is sea, sky, tree: say one"):
        plan.with_first(["boat"])


def test_the_example_of_the_documentation_is_followed(
    painter_folder: Path, picture_file: Path, tmp_path: Path
) -> None:
    document = (Path(__file__).parents[3] / "docs" / "inference.md").read_text(encoding="utf-8")
    example = document.split("### Scripts")[1].split("```json\n")[1].split("```")[0]
    (tmp_path / "script.json").write_text(example, encoding="utf-8")
    for name, rows in (("face", slice(0, 9)), ("left", slice(9, 30)), ("right", slice(40, 64))):
        mask_file(tmp_path, f"{name}.png", rows)
    rollout = RolloutConfig(script=str(tmp_path / "script.json"))
    stop = StopConfig(max_steps=4, arrived=0, small_change=0)
    config = InferenceConfig(painter=str(painter_folder), stop=stop, rollout=rollout)
    assert [action.do for action in steering_actions(config)] == [
        "lock", "steer", "steer", "rewind", "unlock",
    ]  # fmt: skip
    samples = painted(picture_file, tmp_path / "out", config).samples
    assert samples[1].instruction == "sky, clouds"
    assert (samples[0].next[:9] == 255).all(), "locked"


def test_a_pipeline_refuses_what_only_the_command_follows(
    painter_folder: Path, picture_file: Path
) -> None:
    from inference.pipeline import InversePaintingPipeline

    painter = InversePaintingPipeline.from_pretrained(painter_folder)
    picture = np.array(Image.open(picture_file))
    with pytest.raises(UserError, match=r"rollout\.say does nothing in Python"):
        painter.paint(picture, InferenceConfig(rollout=RolloutConfig(say=("sky",))))
