"""Writes `pipelines.yaml` and `docs/pipelines.md` from the config classes (``make pipelines``)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from inference.settings import InferenceConfig
from ingest.conventions.config import Config, to_commented_yaml
from ingest.conventions.former_files import keep_former
from ingest.settings import IngestConfig
from ingest.studio.settings import StudioConfig
from labeling.settings import LabelingConfig
from training.settings import TrainingConfig

ROOT = Path(__file__).resolve().parents[1]

HEAD = """\
# Every setting with its default. A top key is a package, a nested key one stage of it.
# Change values here, or for one run with `--set ingest.decode.fps=4`; --dry-run shows the result.
# Written from the config classes by `make pipelines`; docs/pipelines.md explains every key.
"""


def sections() -> dict[str, Config]:
    return {
        "studio": StudioConfig(),
        "ingest": IngestConfig(),
        "labeling": LabelingConfig(),
        "training": TrainingConfig(),
        "inference": InferenceConfig(),
    }


def yaml_text() -> str:
    parts = [f"{name}:\n{to_commented_yaml(config, 2)}" for name, config in sections().items()]
    return HEAD + "\n" + "\n\n".join(parts) + "\n"


def keep_edited_values(path: Path, text: str) -> None:
    """Keep a copy of the settings if they hold other values than `text`, and say so."""
    old = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if _has_other_values(old, yaml.safe_load(text)):
        copy = keep_former(path)
        print(f"{path.name} held values that are not the defaults: they are kept in {copy.name}")


def _has_other_values(old: Any, new: Any) -> bool:
    """Whether a key of both has another value; keys of only one are not edits of a value."""
    if isinstance(old, dict) and isinstance(new, dict):
        return any(_has_other_values(old[key], new[key]) for key in old.keys() & new.keys())
    return old != new


def markdown_text() -> str:
    lines = [
        "# Settings",
        "",
        "Written by `make pipelines` from the config classes; do not edit.",
        "",
    ]
    for name, config in sections().items():
        lines += [f"## {name}", "", "| key | default | meaning |", "|---|---|---|"]
        lines += _rows(name, config)
        lines.append("")
    return "\n".join(lines)


def _rows(prefix: str, config: Config) -> list[str]:
    rows = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        note = " ".join((field.description or "").split()).replace("|", "\\|")
        if isinstance(value, Config):
            rows += _rows(f"{prefix}.{name}", value)
        else:
            rows.append(
                f"| `{prefix}.{name}` | `{config.model_dump(mode='json')[name]}` | {note} |"
            )
    return rows


if __name__ == "__main__":
    check = "--check" in sys.argv
    for path, text in (
        (ROOT / "pipelines.yaml", yaml_text()),
        (ROOT / "docs" / "pipelines.md", markdown_text()),
    ):
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            sys.exit(f"error: {path.name} is not what the config classes say: run make pipelines")
        if not check:
            if path.suffix == ".yaml":
                keep_edited_values(path, text)
            path.write_text(text, encoding="utf-8")
