"""Assembles a painter folder from the parts of several training runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ingest.conventions.atomic import atomic_folder
from ingest.conventions.errors import UserError, reading_error, storage_error
from training.painter.folder import (
    PainterSettings,
    local_folder,
    parts_of,
    read_index,
    write_index,
)
from training.painter.parts_comparison import first_difference
from training.painter.shared_preset import merged_preset


def assemble_painter(sources: dict[str, Path | None], out: Path) -> dict[str, Any]:
    """Copy each objective's parts from its run (or from any painter folder) into one painter.

    Args:
        sources: by objective (text, mask, renderer): a run folder, a painter folder, or None to
            leave its parts out.

    Raises:
        UserError: no source, an unfinished run, different presets, or frozen parts that two runs
            share and that differ.
    """
    folders = {name: parts_folder(name, path) for name, path in sources.items() if path is not None}
    if not folders:
        raise UserError("nothing to put together: give --text, --mask or --renderer a run folder")
    _refuse_other_folder(out)
    try:
        with atomic_folder(out) as temporary:
            classes, settings = _copy_parts(folders, temporary)
            write_index(temporary, classes, settings)
    except OSError as error:
        raise reading_error(error, out) or storage_error(error, out) or error from error
    print(f"painter: {len(classes)} parts of the {settings.preset.name} preset -> {out}")
    return {"painter": str(out), "parts": sorted(classes), "interval_s": settings.interval_s}


def _refuse_other_folder(out: Path) -> None:
    """Raises UserError if `out` is anything but absent, empty or a painter folder: it is
    replaced."""
    if not out.exists() or (out / "model_index.json").is_file():
        return
    if not out.is_dir() or any(out.iterdir()):
        raise UserError(
            f"{out} is there and is no painter folder, expected a new or empty folder, or a "
            "painter to replace: choose another -o"
        )


def parts_folder(name: str, path: Path) -> Path:
    """Folder with the parts of objective `name`: ``RUN/parts`` of a finished run, or a painter
    folder."""
    if (path / "parts" / "model_index.json").is_file():
        return path / "parts"
    if (path / "training.yaml").is_file():
        raise UserError(
            f"{path}: this run is not finished: run `python -m training {name} ... -o {path}` again"
        )
    return local_folder(path)


def _copy_parts(
    folders: dict[str, Path], out: Path
) -> tuple[dict[str, list[str]], PainterSettings]:
    classes: dict[str, list[str]] = {}
    origin: dict[str, Path] = {}
    all_settings: dict[str, PainterSettings] = {}
    for name, folder in folders.items():
        found, all_settings[name] = read_index(folder)
        wanted = parts_of(name, all_settings[name].preset)
        missing = [part for part in wanted if part not in found]
        if missing:
            raise UserError(
                f"{folder} lacks {', '.join(missing)}, which belong to {name}: give the folder of "
                f"a {name} run, or of a whole painter"
            )
        for part in wanted:
            differs = first_difference(origin[part], folder / part) if part in origin else None
            if differs:
                raise UserError(
                    f"{part} differs between {origin[part].parent} and {folder}, which must share "
                    f"it: {differs}. Train both with the same preset and the same training.initial"
                )
            if part not in origin:
                _copy_files(folder / part, out / part)
            classes[part], origin[part] = found[part], folder / part
    return classes, _merged(all_settings)


def _copy_files(source: Path, target: Path) -> None:
    """Copy a folder with all below it. `shutil.copytree` would not say which error a disk had."""
    for file in sorted(source.rglob("*")):
        if file.is_file():
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _merged(settings: dict[str, PainterSettings]) -> PainterSettings:
    """Settings of the renderer (else of the last objective) with the provenance of all
    objectives."""
    preset = merged_preset({name: item.preset for name, item in settings.items()})
    base = settings.get("renderer") or list(settings.values())[-1]
    provenance = {k: v for item in settings.values() for k, v in item.provenance.items()}
    return base.model_copy(update={"preset": preset, "provenance": provenance})
