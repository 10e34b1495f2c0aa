"""The base of config classes, and loading them from YAML and ``--set`` overrides.

A top key of `pipelines.yaml` is a package; a nested key is a stage, whose config class is in that
stage's file. There is no interpolation and no registry of classes by name.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ingest.conventions.errors import UserError

DEFAULT_PATH = Path("pipelines.yaml")
"""The config file that is read unless another one is given; relative to the working directory."""


class Config(BaseModel):
    """Base of every config class: immutable; unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )


C = TypeVar("C", bound=Config)


def load_section(
    section: str,
    cls: type[C],
    path: Path | None = None,
    overrides: list[str] | None = None,
    defaults: C | None = None,
) -> C:
    """The config of one package.

    Args:
        section: top key, for example ``"ingest"``.
        path: a YAML file; None reads `pipelines.yaml` in the working directory if it is there.
        overrides: items such as ``"ingest.decode.fps=4"``; the value is read as YAML.
        defaults: replace those of the class. Of `pipelines.yaml`, which lists all defaults of the
            class, only values that differ from those then apply.

    Raises:
        UserError: with the dotted path of every key that is unknown or out of bounds.
    """
    source = path or (DEFAULT_PATH if DEFAULT_PATH.is_file() else None)
    tree = _read_yaml(source).get(section) if source else None
    values: dict[str, Any] = dict(tree or {})
    if defaults is not None and path is None:
        values = _changes(values, cls().model_dump(mode="json"))
    for item in overrides or []:
        _apply(values, item, section)
    try:
        return cls.model_validate(_merged(defaults or cls(), values))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join([section, *map(str, e['loc'])])}: {e['msg']} (got {e['input']!r})"
            for e in error.errors()
        )
        place = f"{source} and --set" if overrides else str(source or "built-in defaults")
        raise UserError(
            f"{place}: {problems}. See docs/pipelines.md for every key and its bounds."
        ) from error


def config_hash(*configs: Config) -> str:
    """Twelve hex digits that change when any value of the configs changes."""
    text = json.dumps([c.model_dump(mode="json") for c in configs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def to_yaml(config: Config, section: str) -> str:
    """The resolved config as YAML under its top key, in the order of declaration."""
    return yaml.safe_dump({section: config.model_dump(mode="json")}, sort_keys=False)


def to_record_yaml(config: Config, section: str) -> bytes:
    """The resolved config as a dataset keeps it, with a comment that it is no place to edit."""
    return (
        "# What the last run used; every run writes it anew. Change pipelines.yaml instead,\n"
        f"# or give --set {section}.STAGE.KEY=VALUE.\n"
        f"{to_yaml(config, section)}"
    ).encode()


def to_commented_yaml(config: Config, indent: int = 0) -> str:
    """YAML of the config with every field's docstring as its comment (`pipelines.yaml`)."""
    pad, lines = " " * indent, []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        note = " ".join((field.description or "").split())
        if isinstance(value, Config):
            lines.append(f"{pad}{name}:" + (f"  # {note}" if note else ""))
            lines.append(to_commented_yaml(value, indent + 2))
        else:
            # JSON is valid YAML and keeps lists and mappings on one line.
            plain = json.dumps(json.loads(config.model_dump_json(include={name}))[name])
            lines.append(f"{pad}{name}: {plain}" + (f"  # {note}" if note else ""))
    return "\n".join(lines)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"config file {path} not found: give an existing file to --config"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if tree is not None and not isinstance(tree, dict):
        raise UserError(f"{path}: expected a mapping of packages, got {type(tree).__name__}")
    return tree or {}


def _merged(defaults: Config, values: dict[str, Any]) -> dict[str, Any]:
    """Merge `values` into the defaults, recursively.

    Keys of a stage that are not given keep the values of `defaults`, which may differ from those
    of the stage's class.
    """
    merged: dict[str, Any] = {name: getattr(defaults, name) for name in type(defaults).model_fields}
    for name, value in values.items():
        stage = merged.get(name)
        if isinstance(stage, Config) and isinstance(value, dict):
            value = _merged(stage, value)
        merged[name] = value
    return merged


def _changes(values: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The part of `values` that differs from `known`, recursively."""
    changed: dict[str, Any] = {}
    for name, value in values.items():
        before = known.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = _changes(value, before)
            if inner:
                changed[name] = inner
        elif name not in known or value != before:
            changed[name] = value
    return changed


def _apply(values: dict[str, Any], item: str, section: str) -> None:
    """Write one ``section.stage.key=value`` into the nested dict."""
    dotted, separator, text = item.partition("=")
    keys = dotted.strip().split(".")
    if not separator or len(keys) < 2 or keys[0] != section:
        raise UserError(f"--set {item!r}: expected {section}.STAGE.KEY=VALUE")
    node = values
    for depth, key in enumerate(keys[1:-1], start=2):
        child = node.get(key)
        if child is not None and not isinstance(child, dict):
            raise UserError(f"--set {item!r}: {'.'.join(keys[:depth])} is a value, not a stage")
        node[key] = dict(child or {})
        node = node[key]
    try:
        node[keys[-1]] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {item!r}: the value is not valid YAML") from error
