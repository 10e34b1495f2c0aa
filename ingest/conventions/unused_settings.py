"""Refuses settings that a command would ignore, by name."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.conventions.errors import UserError


def refuse_unused_options(context: str, options: Mapping[str, object]) -> None:
    """Raises UserError if an option is given that does nothing in a context.

    Args:
        context: what makes them useless, such as ``--check``.
        options: value by name; None, False and empty mean that it is not given.
    """
    given = [name for name, value in options.items() if value]
    if given:
        does = "does" if len(given) == 1 else "do"
        raise UserError(f"{', '.join(given)} {does} nothing with {context}: leave it out")


def refuse_unused_keys(overrides: list[str] | None, unused: Mapping[str, str]) -> None:
    """Raises UserError if ``--set`` gives a key that does nothing.

    Keys of a file are not checked: `pipelines.yaml` lists all of them for all commands.

    Args:
        overrides: items such as ``labeling.run.num_cpus=2``.
        unused: why it does nothing, by key or beginning of a key (``labeling.shards``).
    """
    for item in overrides or []:
        key = item.partition("=")[0].strip()
        for prefix, why in unused.items():
            if key == prefix or key.startswith(f"{prefix}."):
                raise UserError(f"--set {key} does nothing here: {why}")
