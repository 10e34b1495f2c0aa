"""Config: errors with the dotted path, typed overrides, hashes of values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ingest.conventions.config import Config, config_hash, load_section, to_commented_yaml, to_yaml
from ingest.conventions.errors import UserError
from ingest.settings import IngestConfig, identity


def load(*overrides: str, path: Path | None = None) -> IngestConfig:
    return load_section("ingest", IngestConfig, path, list(overrides))


def test_overrides_are_read_as_yaml() -> None:
    config = load("ingest.decode.fps=4", "ingest.keyframes.format=png")
    assert config.decode.fps == 4.0
    assert config.keyframes.format == "png"


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("ingest.decode.fbs=4", "ingest.decode.fbs"),
        ("ingest.decode.fps=-1", "ingest.decode.fps"),
        ("ingest.decode.fps=fast", "ingest.decode.fps"),
        ("ingest.nothing.x=1", "ingest.nothing"),
        ("labeling.x.y=1", "labeling.x.y"),
        ("ingest.decode.fps", "ingest.STAGE.KEY=VALUE"),
        ("ingest.decode.fps=[", "not valid YAML"),
    ],
)
def test_bad_overrides_are_named(override: str, part: str) -> None:
    with pytest.raises(UserError) as caught:
        load(override)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_and_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("ingest:\n  decode:\n    fps: 5\n")
    assert load(path=path).decode.fps == 5
    assert load("ingest.decode.fps=6", path=path).decode.fps == 6
    path.write_text("ingest:\n  decode:\n    speed: 5\n")
    with pytest.raises(UserError, match=r"p\.yaml.*ingest\.decode\.speed"):
        load(path=path)
    path.write_text("a: [")
    with pytest.raises(UserError, match="not valid YAML"):
        load(path=path)
    with pytest.raises(UserError, match="not found"):
        load(path=tmp_path / "absent.yaml")


def test_yaml_of_a_config_loads_to_the_same(tmp_path: Path) -> None:
    config = load("ingest.span.min_change=0.01")
    path = tmp_path / "p.yaml"
    path.write_text(to_yaml(config, "ingest"))
    assert load(path=path) == config
    assert yaml.safe_load(to_commented_yaml(config)) == config.model_dump(mode="json")


def test_identity_follows_what_decides_bytes_only() -> None:
    plain = load()
    assert identity(load("ingest.run.num_cpus=2", "ingest.max_failed_share=0.5")) == identity(plain)
    assert identity(load("ingest.decode.fps=3")) != identity(plain)
    assert config_hash(load("ingest.decode.fps=3")) != config_hash(plain)


def test_every_field_says_what_it_is() -> None:
    def undescribed(model: type) -> list[str]:
        return [n for n, f in model.model_fields.items() if not f.description]  # pyright: ignore

    config = load()
    assert undescribed(IngestConfig) == []
    for name in IngestConfig.model_fields:
        stage = getattr(config, name)
        if isinstance(stage, Config):
            assert undescribed(type(stage)) == [], name
