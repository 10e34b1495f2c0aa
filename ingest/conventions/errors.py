"""The exceptions for unusable input: `UserError` stops the run, `Refusal` skips one item.

::

    Exception
    +-- ValueError
    |   +-- UserError      a command, config, folder or file that cannot be used: the run stops
    |       +-- SchemaError  a stored record that breaks the schema: names file, key and field
    +-- Refusal            one item (a video) that cannot be used: recorded, the run goes on
        +-- Unreachable    one item that could not be read now: the next run tries again
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


class UserError(ValueError):
    """Wrong use. The message says what was given, what was expected, where, and what to do."""


class SchemaError(UserError):
    """A stored sample or keyframe that breaks the schema; names file, key and field."""

    def __init__(self, where: str, key: str, field: str, problem: str) -> None:
        super().__init__(f"{where}: sample {key!r}, field {field!r}: {problem}")
        self.where, self.key, self.field, self.problem = where, key, field, problem


class Refusal(Exception):
    """An item that is refused for a documented reason, with a detail in plain text."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type[Refusal], tuple[str, str]]:
        # Unpickling would call the class with `args` only.
        return type(self), (self.reason, self.detail)


class Unreachable(Refusal):
    """A network or server error: the item is recorded as failed, and the next run tries again."""


_ADVICE = {
    errno.ENOSPC: "the disk is full: free space there, then run the same command again",
    errno.EDQUOT: "the disk quota is used up: free space there, then run the same command again",
    errno.EROFS: "the file system is read-only: choose another output folder",
    errno.EFBIG: "the file is larger than the disk or the process may hold: raise that limit",
    errno.EIO: "the disk reports an error: check it, then run the same command again",
    errno.EACCES: "permission denied: choose a folder that you may write to",
    errno.EPERM: "operation not permitted: choose a folder that you may write to",
}
"""What to do about each error number of a disk."""


def storage_error(error: OSError, path: Path | str) -> UserError | None:
    """The one-line answer to a disk that cannot be written, or None if `error` is another kind.

    Args:
        path: what was written, if the error does not name it.
    """
    advice = _ADVICE.get(error.errno or 0)
    if advice is None or reading_error(error, path) is not None:
        return None
    # Of a copy, the first name is that of the source.
    return UserError(f"cannot write {error.filename2 or error.filename or path}: {advice}")


def reading_error(error: OSError, path: Path | str) -> UserError | None:
    """The one-line answer to a file or folder that this process may not read, or None if `error`
    is another kind.

    Args:
        path: what was read, if the error does not name it.
    """
    named = error.filename or path
    if error.errno not in (errno.EACCES, errno.EPERM) or not named or isinstance(named, int):
        return None
    closed = _unreadable(Path(os.fsdecode(named)))
    if closed is None:
        return None
    return UserError(
        f"{closed} may not be read (permission denied): ask its owner for read access "
        "(chmod a+rX), or use an account that has it"
    )


def _unreadable(path: Path) -> Path | None:
    """`path`, or the first folder on the way to it, that exists and that this process may not read
    or enter; None if there is none."""
    for folder in reversed(path.parents):
        if os.access(folder, os.F_OK) and not os.access(folder, os.X_OK):
            return folder
    rights = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
    return path if os.access(path, os.F_OK) and not os.access(path, rights) else None
