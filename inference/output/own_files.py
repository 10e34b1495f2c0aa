"""Keeps account of the files that a command wrote into a folder, so that it replaces only those."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ingest.conventions.atomic import write_json
from ingest.conventions.errors import UserError
from ingest.format.images import sha256
from ingest.format.tar import read_tar

RECORD = "export.json"
"""Name of the account: SHA-256 of each file by its path."""


def check_own_files(folder: Path, names: Sequence[str]) -> None:
    """Check that nothing else lies where files of these names go.

    Raises:
        UserError: it names the first that was not written here, or that was changed since.
    """
    known = _known(folder)
    for name in names:
        path = folder / name
        if not os.path.lexists(path):
            continue
        if not path.is_file() or known.get(name) != sha256(path.read_bytes()):
            what = "was changed since it was exported" if name in known else "is no export"
            raise UserError(f"{path} {what} and is not overwritten: choose another -o")


def write_own_files(folder: Path, made: Path, names: Sequence[str]) -> None:
    """Move files of these names from `made` to `folder`. Files of an earlier run that are still as
    they were written are deleted first."""
    for name, digest in _known(folder).items():
        path = folder / name
        if path.is_file() and sha256(path.read_bytes()) == digest:
            path.unlink()
    files = {name: sha256((made / name).read_bytes()) for name in names}
    write_json(folder / RECORD, {"files": files})
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(made / name, folder / name)


def remove_painted_frames(frames: Path, steps_tar: Path) -> None:
    """Delete the frames of the painting that `steps_tar` holds, which is about to be replaced: PNG
    files that are a canvas of it to the byte. Other files are the user's own, and stay."""
    if not (frames.is_dir() and steps_tar.is_file()):
        return
    painted: set[str] = set()
    try:
        for _, fields in read_tar(steps_tar):
            painted |= {sha256(fields[name]) for name in ("current.png", "next.png")}
    except (UserError, KeyError):
        # A tar that was cut short: what it still names is enough.
        pass
    for path in sorted(frames.glob("*.png")):
        if path.is_file() and sha256(path.read_bytes()) in painted:
            path.unlink()


def _known(folder: Path) -> dict[str, str]:
    """SHA-256 of the files that were written into the folder before."""
    path = folder / RECORD
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        inside = {n: d for n, d in files.items() if ".." not in Path(n).parts and not Path(n).root}
        return {str(name): str(digest) for name, digest in inside.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no account of an export ({type(error).__name__}): choose another -o"
        ) from error
