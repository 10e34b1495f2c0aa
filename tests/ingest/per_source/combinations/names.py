"""Names of files and folders that users have, and what ingest says of them."""

from __future__ import annotations

import os

STEMS = {
    "plain": "film",
    "spaces": " my film (1) ",
    "letters": "Gemälde 絵画 🎨",
    "decomposed": "Gema\u0308lde",
    "protocol": "concat:a|b",
    "address": "http:film",
    "pattern": "shot%03d",
    "glob": "a[1]*?{b,c}",
    "option": "-i film",
    "quotes": 'it\'s "so"; $HOME `x`',
    "two lines": "two\nlines",
    "backslash": "a\\b",
    "hidden": ".film",
    "long": "long" * 60,
    "percent code": "a%20b%2Fc#d?e=f",
    "no utf-8": os.fsdecode(b"Gem\xe4lde"),
}
"""A file's name without its ending, by kind."""
ENDINGS = {"right": "{}", "capital": "{}", "none": "", "another": "avi"}
"""The ending of a name by kind, as a pattern of the right one."""


def file_name(stem: str, ending_kind: str, ending: str) -> str:
    """A name of these kinds (keys of `STEMS` and `ENDINGS`) for a file whose ending is `ending`."""
    given = ENDINGS[ending_kind].format(ending)
    given = given.upper() if ending_kind == "capital" else given
    return f"{STEMS[stem]}.{given}" if given else STEMS[stem]


def expected_reason(stem: str) -> str:
    """The documented reason for which a name is refused; empty if it is not."""
    return "bad-name" if stem == "no utf-8" else ""
