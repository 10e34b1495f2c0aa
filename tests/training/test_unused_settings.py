"""Settings that do nothing in a training run are refused by name, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError

pytestmark = pytest.mark.torch

OBJECTIVES = ("text", "mask", "renderer")
READ_IN_VAIN = {
    "text": {"training.interval_s"},
    "mask": {"training.interval_s", "training.image_encoder"},
    "renderer": set[str](),
}
"""Keys that a run reads and that still change nothing: what it writes of them is not used."""


def leaves(config: Config, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Key, name of the class and of its field, for every setting."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Config):
            yield from leaves(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", type(config).__name__, name


def refused(key: str, unused: dict[str, str]) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}.") for prefix in unused)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_setting_is_read_by_a_run_or_refused(
    name: Any, toy_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is watched: what it never reads is refused, what it reads is not."""
    from training.process import train_in_process
    from training.settings import TrainingConfig, unused_keys

    loop = {"max_steps": 1, "batch_size": 2, "validation_batches": 1}
    config = TrainingConfig.model_validate({"image_side_px": 64, name: {"loop": loop}})
    unused = unused_keys(name, config, num_workers=0, is_remote=False, validates=True)
    every = list(leaves(config, "training"))
    read: set[tuple[str, str]] = set()

    def watched(self: Config, attribute: str) -> Any:
        read.add((type(self).__name__, attribute))
        return object.__getattribute__(self, attribute)

    with monkeypatch.context() as patch:
        patch.setattr(Config, "__getattribute__", watched, raising=False)
        train_in_process(name, toy_dataset, tmp_path / "run", config)
    others = tuple(f"training.{other}." for other in OBJECTIVES if other != name)
    assert all(refused(key, unused) for key, _, _ in every if key.startswith(others))
    for key, kind, field in every:
        if key.startswith(others) or key in READ_IN_VAIN[name]:
            assert refused(key, unused), key
        else:
            assert refused(key, unused) != ((kind, field) in read), key


@pytest.mark.parametrize(
    ("name", "settings", "workers", "validates", "key"),
    [
        ("mask", ["training.mask.loop.max_epochs=1"], 0, True, "training.mask.loop.max_steps"),
        ("text", ["training.preset=paper"], 0, True, "training.text.loop.max_steps"),
        ("text", ["training.preset=paper"], 0, True, "training.text.language.image_px"),
        (
            "mask",
            ["training.mask.loop.warmup_share=.1"],
            0,
            True,
            "training.mask.loop.warmup_steps",
        ),
        ("mask", ["training.data.workers=2"], 0, True, "training.data.decode_threads"),
        ("mask", ["training.data.decode_threads=0"], 0, True, "training.data.batches_ahead"),
        ("renderer", [], 0, False, "training.renderer.loop.validation_batches"),
        ("renderer", [], 0, False, "training.renderer.preview_samples"),
        ("mask", ["training.without=[RN]"], 0, True, "training.without"),
        ("mask", ["training.without=[TE,CE]"], 0, True, "training.without"),
        ("text", ["training.without=[TE]"], 0, True, "training.without"),
        ("text", ["training.initial=HERE"], 0, True, "training.initial"),
        ("text", ["training.initial=HERE/full"], 0, True, "training.text.base"),
        ("mask", ["training.initial=HERE/full"], 0, True, "training.mask.start"),
        ("renderer", ["training.initial=HERE/full"], 0, True, "training.image_encoder"),
    ],
)
def test_a_setting_that_another_puts_out_of_use_is_refused(
    name: Any, settings: list[str], workers: int, validates: bool, key: str, tmp_path: Path
) -> None:
    from training.settings import load_training, unused_keys

    for part in ("instruction_model", "mask_unet", "image_encoder"):
        (tmp_path / "full" / part).mkdir(parents=True)
    given = [item.replace("HERE", str(tmp_path)) for item in settings]
    unused = unused_keys(name, load_training(None, given), workers, False, validates)
    assert refused(key, unused)
    plain = unused_keys(name, load_training(None, []), 2, True, True)
    assert not refused(key, plain)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "mask --set training.text.flip=false",
            "training.text.flip does nothing here: `mask` reads",
        ),
        ("text --set training.launch.max_restarts=1", "one process trains; add --workers"),
        ("text --ray-address auto", "--ray-address does nothing with one process"),
        ("renderer --set training.renderer.lora.alpha=3", "training.renderer.lora.rank=64"),
        ("mask --set training.data.remote.timeout_s=3", "the dataset is a folder"),
    ],
)
def test_the_command_refuses_in_one_line(
    arguments: str, message: str, toy_dataset: Path, tmp_path: Path
) -> None:
    from training.__main__ import app

    name, *options = arguments.split()
    given = [name, str(toy_dataset), "-o", str(tmp_path / "run"), "--dry-run", *options]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, UserError), result.output
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_rate_for_parameters_that_are_not_there_is_refused(
    toy_dataset: Path, tmp_path: Path
) -> None:
    from training.run import run_training

    rates = ["training.mask.loop.other_rates={projecter: 0.1}", "training.image_side_px=64"]
    with pytest.raises(UserError, match="other_rates names 'projecter', which is part of no"):
        run_training("mask", toy_dataset, tmp_path, overrides=rates)
