"""Recognises names that are no UTF-8: they can be neither stored in our tables nor printed.

They come from old disks, archives and network shares with names in Latin-1 or Shift JIS. Python
keeps each byte that is no UTF-8 as a lone surrogate.
"""

from __future__ import annotations

RENAME = "its name is no UTF-8 text: rename it (convmv does so for whole folders)"
"""What to do about such a file."""


def is_utf8(text: str) -> bool:
    """Whether a name or text has a UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """The text with every byte that is no UTF-8 as an escape such as ``\\udce9``."""
    return text.encode(errors="backslashreplace").decode()
