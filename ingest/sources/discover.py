"""Lists the sources of all inputs (files, folders, globs, manifests): one `SourceRow` each.

Nothing is decoded. Of remote inputs only listings and manifests are read.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import Refusal, UserError
from ingest.conventions.names import RENAME, is_utf8, printable
from ingest.format.schema import Split
from ingest.sources.file_systems import RemoteConfig
from ingest.sources.manifest import MANIFEST_EXTENSIONS, read_manifest, read_remote_manifest
from ingest.sources.remote import SCHEMES, find, is_glob, is_remote, local_path, name_of
from ingest.sources.source_row import (
    FOLDER_MARKER_FILES,
    FRAMES_FILE,
    PICTURE_EXTENSIONS,
    TARGETS_FILE,
    TIMES_FILE,
    VIDEO_EXTENSIONS,
    BadRow,
    Row,
    SourceRow,
)

__all__ = ["BadRow", "DiscoverConfig", "Row", "SourceRow", "content_id", "discover", "split_of"]


class DiscoverConfig(Config):
    """How inputs become rows."""

    val_fraction: float = Field(default=0.1, ge=0, le=1)
    """Share of paintings that go to the val split where the manifest does not say."""


def discover(inputs: Iterable[str], remote: RemoteConfig | None = None) -> Iterator[Row]:
    """Rows of all inputs in the order given; folders and globs are sorted by name.

    An input is unusable that is no file, folder, address or glob with matches, or holds no video,
    or lies on a server that cannot be read. Among several inputs it becomes a `BadRow`.

    Raises:
        UserError: the only input is unusable.
    """
    texts = list(inputs)
    for text in texts:
        try:
            for row in _some_rows_of(text, remote or RemoteConfig()):
                yield _with_utf8_name(row)
        except UserError as error:
            if len(texts) == 1:
                raise
            yield BadRow(printable(text), printable(str(error)), "missing")


def content_id(row: SourceRow) -> str:
    """First 16 hex digits of the SHA-256 of the content; does not depend on the path.

    The content of a folder is the sorted hashes of its pictures, and its marker and times files.

    Raises:
        Refusal: missing.
    """
    digest = hashlib.sha256()
    try:
        if row.path.is_dir():
            names = sorted(p for p in row.path.iterdir() if p.suffix.lower() in PICTURE_EXTENSIONS)
            for line in sorted(f"{_file_hash(path)} {path.name}" for path in names):
                digest.update(line.encode(errors="surrogateescape"))
            for extra in (row.path / TARGETS_FILE, times_file(row), row.path / FRAMES_FILE):
                if extra is not None and extra.is_file():
                    digest.update(extra.read_bytes())
            return digest.hexdigest()[:16]
        return _file_hash(row.path)[:16]
    except OSError as error:
        raise Refusal(
            "missing", f"{row.uri} cannot be read ({error.strerror}): correct the path"
        ) from error


def times_file(row: SourceRow) -> Path | None:
    """The CSV with the times of a picture folder: named by the manifest, or `times.csv` in it."""
    if row.times:
        return Path(row.times)
    inside = row.path / TIMES_FILE
    return inside if inside.is_file() else None


def split_of(painting_id: str, config: DiscoverConfig) -> Split:
    """The split of a painting, from a hash of its id: the same in every run and on any machine."""
    value = int(hashlib.sha256(painting_id.encode()).hexdigest()[:8], 16) / 16**8
    return "val" if value < config.val_fraction else "train"


def is_picture_folder(path: Path) -> bool:
    """Whether a folder is one source: it holds one of `FOLDER_MARKER_FILES`."""
    return any(os.path.isfile(path / name) for name in FOLDER_MARKER_FILES)


def _file_hash(path: Path) -> str:
    if path.exists() and not path.is_file():
        # Opening a pipe would block for ever.
        raise OSError(0, "no regular file", str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _some_rows_of(text: str, remote: RemoteConfig) -> Iterator[Row]:
    """Rows of an input. Raises UserError if there are none."""
    rows = _rows_of(text, remote)
    first = next(rows, None)
    if first is None:
        raise UserError(
            f"{text} holds no video, keyframe folder or manifest row: expected files such as "
            "*.mp4, a folder with videos, or a .csv/.jsonl manifest with the column uri"
        )
    yield first
    yield from rows


def _with_utf8_name(row: Row) -> Row:
    """The row, or a `BadRow` if its name cannot be stored."""
    if isinstance(row, BadRow):
        return replace(row, uri=printable(row.uri), detail=printable(row.detail))
    if is_utf8(row.uri + row.times):
        return row
    name = printable(row.uri if not is_utf8(row.uri) else row.times)
    return BadRow(printable(row.uri), f"{name}: {RENAME}", "bad-name")


def _rows_of(text: str, remote: RemoteConfig) -> Iterator[Row]:
    if is_remote(text):
        try:
            yield from _remote_rows(text, remote)
        except Refusal as refusal:
            raise UserError(refusal.detail) from refusal
        return
    if "://" in text and not text.startswith("file://"):
        raise UserError(f"{text}: expected a path, file:// or one of {', '.join(SCHEMES)}")
    path = local_path(text)
    for match in [path] if os.path.exists(path) else map(Path, _matches(str(path))):
        yield from _local_rows(match, frozenset())


def _matches(pattern: str) -> list[str]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        advice = "give an existing file, folder, glob or manifest"
        if "{" in pattern:
            advice = "braces are for the shell (without quotes); within quotes only * ? [ ] count"
        raise UserError(f"{pattern} not found: {advice}")
    return matches


def _local_rows(path: Path, above: frozenset[Path]) -> Iterator[Row]:
    """Rows of a file or folder; `above` are its parent folders, to detect cycles of links."""
    # os.path asks without an error where a folder may not be entered.
    if not os.path.isdir(path):
        is_manifest = path.suffix.lower() in MANIFEST_EXTENSIONS and os.path.isfile(path)
        yield from read_manifest(path) if is_manifest else [SourceRow(uri=str(path))]
        return
    if is_picture_folder(path):
        yield SourceRow(uri=str(path))
        return
    real = path.resolve()
    if real in above:
        return  # a link to a parent folder
    try:
        children = sorted(path.iterdir())
    except OSError as error:
        detail = f"{path} cannot be listed ({error.strerror}): change its permissions"
        yield BadRow(str(path), detail, "missing")
        return
    for child in children:
        if os.path.isdir(child):
            yield from _local_rows(child, above | {real})
        elif child.suffix.lower() in VIDEO_EXTENSIONS:
            yield SourceRow(uri=str(child))


def _remote_rows(uri: str, remote: RemoteConfig) -> Iterator[Row]:
    """Rows of an address; its extension decides: a manifest, a video, else a folder or a glob."""
    extension = Path(name_of(uri)).suffix.lower()
    if is_glob(uri):
        for match in find(uri, remote):
            # A matched name with a star is a file; as a pattern the recursion would not end.
            yield from [SourceRow(match)] if is_glob(match) else _remote_rows(match, remote)
    elif extension in MANIFEST_EXTENSIONS:
        yield from read_remote_manifest(uri, remote)
    elif extension in VIDEO_EXTENSIONS or (uri.startswith("http") and not uri.endswith("/")):
        yield SourceRow(uri)
    else:
        yield from _listed_rows(find(uri, remote), uri)


def _listed_rows(uris: list[str], given: str) -> Iterator[Row]:
    """Rows of a sorted listing: its videos, and its folders of pictures with times."""
    folder_of = {uri: uri.rpartition("/")[0] for uri in uris}
    picture_folders = {folder_of[uri] for uri in uris if name_of(uri) in FOLDER_MARKER_FILES}
    yielded_folders: set[str] = set()
    for uri in uris:
        folder = folder_of[uri]
        if folder in picture_folders:
            if folder not in yielded_folders:
                yield SourceRow(f"{folder}/" if uri.startswith("http") else folder)
            yielded_folders.add(folder)
        elif uri == given or Path(name_of(uri)).suffix.lower() in VIDEO_EXTENSIONS:
            yield SourceRow(uri)
