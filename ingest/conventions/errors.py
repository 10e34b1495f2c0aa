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
    """The one-line answer to a disk that cannot be written, or None if `error` is another kind."""
    advice = _ADVICE.get(error.errno or 0)
    return UserError(f"cannot write {error.filename or path}: {advice}") if advice else None
