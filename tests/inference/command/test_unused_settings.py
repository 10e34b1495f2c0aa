"""Every setting is read by a painting, or refused on the command line: a walk through all of them.

What a painting reads is seen by watching attribute reads of the config's own objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.__main__ import app  # noqa: E402
from inference.artist.detail import DetailConfig  # noqa: E402
from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command.painting import paint_picture  # noqa: E402
from inference.command.painting_context import load_context, painter_record  # noqa: E402
from inference.command.unused_settings import unused_keys  # noqa: E402
from inference.inputs.picture import load_picture  # noqa: E402
from inference.output.stroke_film import StrokeFilmConfig  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.config import Config  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402

ELSEWHERE = {
    # How many are painted together is decided before a painting begins.
    "work.batch_size", "work.actors",
    # Which painter paints is its own question.
    "painter",
    # Read of a copy, where device, quirks and number format are resolved.
    "quirks", "dtype", "memory", "device",
}  # fmt: skip
"""Settings, or beginnings, that a single painting need not read in order to have an effect."""


def leaves(config: Config, prefix: str = "") -> Iterator[tuple[str, Config]]:
    """Every field that is no config itself: dotted name and the object that it is read from."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Config):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", config


@contextmanager
def watching(config: InferenceConfig, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Context that collects the names of the fields of `config` that are read."""
    owners: dict[int, dict[str, str]] = {}
    for path, owner in leaves(config):
        owners.setdefault(id(owner), {})[path.rpartition(".")[2]] = path
    read: set[str] = set()

    def watched(self: Config, name: str) -> Any:
        fields = owners.get(id(self), {})
        if name in fields:
            read.add(fields[name])
        # Part of a resolved copy.
        elif name == "model_dump" and type(self) is not InferenceConfig:
            read.update(fields.values())
        return object.__getattribute__(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(Config, "__getattribute__", watched, raising=False)
        yield read


def is_under(path: str, prefixes: Any) -> bool:
    return any(f"{path}.".startswith(f"{prefix}.") for prefix in prefixes)


SHORT = {
    "stop": StopConfig(max_steps=2),
    "strokes": StrokesConfig(num_steps=4),
    "film": StrokeFilmConfig(seconds=2, fps=5),
}
KINDS = {
    "strokes": {"painter": "prototype"},
    "strokes, canvases shown": {
        "painter": "prototype", "film": StrokeFilmConfig(film="steps", seconds=2),
    },
    "fade-in": {"painter": "fade-in"},
    "rival": {"painter": "{rival_folder}"},
    "painter": {},
    "painter without detail": {
        "detail": DetailConfig(carry_detail=False, keep_outside_mask=False, region_edges="blocks")
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_read_or_refused(
    kind: str,
    painter_folder: Path,
    rival_folder: Path,
    picture_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"painter": str(painter_folder), **SHORT, **KINDS[kind]}
    given["painter"] = given["painter"].format(rival_folder=rival_folder)
    config = InferenceConfig.model_validate(given)
    record, settings = painter_record(config)
    refused = [key.removeprefix("inference.") for key in unused_keys(config, settings)]
    with watching(config, monkeypatch) as read:
        picture = load_picture(picture_file, config.picture)
        paint_picture(load_context(config, record), picture, tmp_path / "out")
    every = {path for path, _ in leaves(config)}
    unread = every - read - {path for path in every if is_under(path, [*refused, *ELSEWHERE])}
    assert not unread, "neither read nor refused"
    # A setting that is refused is not used: what is read of it is read for all painters alike.
    shared = {path for path in read if is_under(path, refused)} - {
        path for path in read if is_under(path, ELSEWHERE)
    }
    allowed = {"strokes.ground", "film.film", "film.fps", "film.side_px", "detail.opaque"}
    assert shared <= allowed | {"detail.feather_share", "rollout.say"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--medium pencil --painter {painter}", "--medium does nothing here: the painter"),
        ("--ground #ffffff --painter {painter}", "--ground does nothing here"),
        ("--underdrawing off --painter {painter}", "--underdrawing does nothing here"),
        ("--steps 9 --painter {painter}", "--steps does nothing here"),
        ("--film steps --painter {painter}", "--film does nothing here"),
        ("--vae-tile 256 --painter {painter}", "--vae-tile does nothing here"),
        ("--dtype bfloat16", "--dtype does nothing here: the order learned"),
        ("--offload network", "--offload does nothing here"),
        ("--medium oil --painter {rival}", "--medium does nothing here: "),
        ("--say sky --painter {rival}", "--say does nothing here: the rival"),
        ("--say sky --painter prototype", "--say does nothing here: the order prototype knows no"),
        ("--medium oil --painter fade-in", "--medium does nothing here: fade-in"),
        ("--set inference.region.largest_area=0.2", "--set inference.region.largest_area does"),
        ("--set inference.detail.opaque=[0,1]", "--set inference.detail.opaque does"),
        ("--set inference.sampling.num_steps=3", "--set inference.sampling.num_steps does"),
        ("--set inference.export.fps=12", "--set inference.export.fps does nothing here"),
        ("--film steps --set inference.film.fps=12", "--set inference.film.fps does nothing"),
        ("--seeds 1,2 --set inference.rollout.seed=3", "--set inference.rollout.seed does"),
    ],
)
def test_what_does_nothing_is_refused_before_anything_is_painted(
    arguments: str,
    said: str,
    painter_folder: Path,
    rival_folder: Path,
    picture_file: Path,
    tmp_path: Path,
) -> None:
    given = arguments.format(painter=painter_folder, rival=rival_folder).split()
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["paint", str(picture_file), "-o", str(out), *given])
    assert isinstance(result.exception, UserError), result.output
    assert said in str(result.exception)
    assert not out.exists()


def test_one_file_of_settings_serves_all(
    painter_folder: Path, rival_folder: Path, picture_file: Path, tmp_path: Path
) -> None:
    everything = tmp_path / "all.yaml"
    everything.write_text(
        "inference: {dtype: float32, strokes: {medium: pencil}, region: {largest_area: 0.3}}"
    )
    for painter in ("learned", str(painter_folder), str(rival_folder)):
        command = ["paint", str(picture_file), "-o", str(tmp_path / "out"), "--painter", painter]
        result = CliRunner().invoke(app, [*command, "--config", str(everything), "--dry-run"])
        assert result.exit_code == 0, result.output
